"""HTTP servers that speak the protocols of external detectors, and answer as a test says."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from extauth.content.detectors.connections import Connections
from extauth.settings import Presidio, TextClassification, TokenClassification

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Server:
    """Answers a request's JSON with the result of `says`; `asked` are the requests, by path.

    With `held` it answers only once that is set; `arrived` is set by every request. `peak` is the
    greatest number of requests at a time.
    """

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, Any]] = []
        self.says: Callable[[Any], Any] = lambda _: []
        self.status = 200
        self.held: asyncio.Event | None = None
        self.arrived = asyncio.Event()
        self.peers: set[tuple[str, int]] = set()
        self.active = self.peak = 0

    async def answer(self, request: web.Request) -> web.Response:
        """Answer with the result of `says`."""
        body = await request.json()
        self.asked.append((request.path, body))
        self.peers.add(request.transport.get_extra_info("peername"))  # type: ignore[union-attr]  # open
        self.active += 1
        self.peak = max(self.peak, self.active)
        self.arrived.set()
        if self.held is not None:
            await self.held.wait()
        self.active -= 1
        told = self.says(body)
        text = told if isinstance(told, bytes) else json.dumps(told).encode()
        headers = {"location": f"{self.url}/elsewhere"} if self.status == 307 else None
        return web.Response(
            status=self.status, body=text, content_type="application/json", headers=headers
        )


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Run a server on a free port."""
    served = Server()
    app = web.Application(client_max_size=16 << 20)
    app.router.add_post("/{path:.*}", served.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield served
    if served.held is not None:
        served.held.set()
    await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server for the test."""
    async with serving() as served:
        yield served


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    """Connections that are closed after the test."""
    made = Connections()
    yield made
    await made.close()


def presidio(url: str, **fields: Any) -> Presidio:
    """Settings of a Presidio at `url`, asked for persons and e-mail addresses."""
    given: dict[str, Any] = {
        "url": url,
        "timeout": 5.0,
        "max_text": 10_000,
        "models": (),
        "languages": ("en",),
        "entities": {"PERSON": "person", "EMAIL_ADDRESS": "email"},
        "min_confidence": 0.5,
    }
    return Presidio(**(given | fields))


def token_model(url: str, **fields: Any) -> TokenClassification:
    """Settings of the model `names` at `url`."""
    given: dict[str, Any] = {
        "url": url,
        "timeout": 5.0,
        "max_text": 10_000,
        "models": (),
        "model": "names",
        "version": "1",
        "labels": {"PER": "person", "LOC": "location"},
        "min_confidence": 0.5,
    }
    return TokenClassification(**(given | fields))


def text_model(url: str, **fields: Any) -> TextClassification:
    """Settings of the model `injection` at `url`."""
    given: dict[str, Any] = {
        "url": url,
        "timeout": 5.0,
        "max_text": 10_000,
        "models": (),
        "model": "injection",
    }
    return TextClassification(**(given | fields))


def spans(*texts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the answer of a token classification model."""
    data = [json.dumps(found) for found in texts]
    return {"outputs": [tensor("SPANS", [len(texts), 1], data)]}


def tensor(name: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    """Return an output tensor of KServe's protocol."""
    return {"name": name, "shape": shape, "datatype": "BYTES", "data": data}


def span(label: str, start: int, end: int, score: float = 0.9) -> dict[str, Any]:
    """Return the span of a name."""
    return {"label": label, "start": start, "end": end, "score": score}

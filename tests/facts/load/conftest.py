"""A metrics endpoint that answers as Triton does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.facts.load.triton import printed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Server:
    """Answers as a test says; `asked` is set by a request.

    With `held` it answers only once that is set. At /elsewhere it always answers with metrics.
    """

    def __init__(self) -> None:
        self.text = printed()
        self.status = 200
        self.headers: dict[str, str] = {}
        self.held: asyncio.Event | None = None
        self.asked = asyncio.Event()
        self.url = ""

    async def answer(self, _: web.Request) -> web.Response:
        """Answer with the metrics."""
        self.asked.set()
        if self.held is not None:
            await self.held.wait()
        return web.Response(status=self.status, body=self.text, headers=self.headers)

    async def elsewhere(self, _: web.Request) -> web.Response:
        """Answer with metrics at another path."""
        return web.Response(body=printed())


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Run a server on a free port."""
    served = Server()
    app = web.Application()
    app.router.add_get("/metrics", served.answer)
    app.router.add_get("/elsewhere", served.elsewhere)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}/metrics"
    yield served
    if served.held is not None:
        served.held.set()
    await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server for the test."""
    async with serving() as served:
        yield served

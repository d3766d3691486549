"""Exchanges that end before their time: clients that leave, defects, a server that stops."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc
import pytest

from extauth.audit import Outcome
from extauth.content.privacy import Detector
from extauth.types import Counters, Usage
from tests.gateway.served import CHAT, EVENTS, JSON
from tests.wire.conftest import wire
from tests.wire.envoy import (
    PATIENCE,
    Envoy,
    request_body,
    request_headers,
    response_body,
    response_headers,
)
from tests.wire.exchange import STREAM, prompt_tokens, refused, sent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from extauth.audit import AuditRecord
    from extauth.content.privacy import Finding
    from extauth.wire import WireServer
    from tests.gateway.served import Served
    from tests.gateway.servers import Server
    from tests.wire.envoy import ProcessCall

    Recorded = Callable[[], Awaitable[AuditRecord]]

pytestmark = pytest.mark.slow


async def test_a_client_that_leaves_before_the_body_costs_nothing(
    envoy: Envoy, served: Served, recorded: Recorded
) -> None:
    call = envoy.process()
    await call.say(request_headers(served.head()))
    call.cancel()
    record = await recorded()
    assert (record.outcome, record.status) == (Outcome.DISCONNECTED, 499)
    assert served.charged() == Usage()
    await asyncio.wait_for(served.runtime.retire(), PATIENCE)


@pytest.mark.parametrize("leave", ["cancels", "half-closes"])
@pytest.mark.parametrize("headers", [False, True])
async def test_an_answer_that_nobody_waits_for_is_charged_as_reserved(  # noqa: PLR0917 - a table's columns
    envoy: Envoy, served: Served, models: Server, recorded: Recorded, leave: str, headers: bool
) -> None:
    call, _ = await sent(envoy, served)
    if headers:
        await call.say(response_headers(JSON))
    await left(call, leave)
    record = await recorded()
    assert record.outcome is Outcome.DISCONNECTED
    assert served.charged() == Usage(prompt_tokens(record), 16)


@pytest.mark.parametrize("leave", ["cancels", "half-closes"])
@pytest.mark.parametrize("tokens", [0, 2])
async def test_a_stream_that_is_cut_is_charged_what_was_seen(  # noqa: PLR0917 - a table's columns
    envoy: Envoy, served: Served, models: Server, recorded: Recorded, leave: str, tokens: int
) -> None:
    call, _ = await sent(envoy, served, STREAM)
    await call.say(response_headers(EVENTS))
    if tokens:
        await call.say(response_body(models.event("Hello", tokens), end=False))
    await left(call, leave)
    record = await recorded()
    assert record.outcome is Outcome.DISCONNECTED
    assert served.charged() == Usage(prompt_tokens(record), tokens)
    await asyncio.wait_for(served.runtime.retire(), PATIENCE)


async def test_half_closed_before_the_body_it_is_closed(
    envoy: Envoy, served: Served, recorded: Recorded
) -> None:
    call = envoy.process()
    await call.say(request_headers(served.head()))
    await call.close()
    assert (await recorded()).outcome is Outcome.DISCONNECTED
    assert await served.counted() == Counters()


async def left(call: ProcessCall, how: str) -> None:
    """Envoy gives the stream up."""
    if how == "cancels":
        call.cancel()
    else:
        await call.close()


class Hook(Detector):
    """A detector that does something of a test's first."""

    def __init__(self, hook: Callable[[], None]) -> None:
        super().__init__()
        self._hook = hook

    def detect_all(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        self._hook()
        return super().detect_all(texts)


@asynccontextmanager
async def hooked(served: Served, sockets: Path, hook: Callable[[], None]) -> AsyncIterator[Envoy]:
    """Envoy in front of a gateway that runs `hook` while it reads a body."""
    served.runtime.detector = Hook(hook)
    server = wire(served, sockets)
    await server.start()
    envoy = Envoy(sockets)
    try:
        yield envoy
    finally:
        await envoy.close()
        await server.stop(0)


def fail() -> None:
    """What nobody expected."""
    raise RuntimeError("a defect next to a prompt")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", CHAT),
        ("/v2/models/chat/generate", {"text_input": "Hello"}),
    ],
)
async def test_a_defect_is_a_500_in_the_apis_shape(
    served: Served,
    sockets: Path,
    path: str,
    body: object,
) -> None:
    async with hooked(served, sockets, fail) as envoy:
        answer = await refused(
            envoy.process(),
            request_headers(served.head(path)),
            request_body(json.dumps(body).encode()),
        )
    assert answer.status.code == 500
    assert isinstance(json.loads(answer.body)["error"], str if path.startswith("/v2") else dict)
    assert b"defect" not in answer.body
    record = await served.record()
    assert (record.outcome, record.error) == (Outcome.FAILED, "internal_error")
    await asyncio.wait_for(served.runtime.retire(), PATIENCE)


async def test_a_client_that_leaves_while_its_body_is_read(
    served: Served, sockets: Path, recorded: Recorded
) -> None:
    calls: list[ProcessCall] = []

    def leave() -> None:
        calls[0].cancel()

    async with hooked(served, sockets, leave) as envoy:
        call = envoy.process()
        calls.append(call)
        await call.say(request_headers(served.head()))
        await call.send(request_body(json.dumps(CHAT).encode()))
        record = await recorded()
    assert record.outcome is Outcome.DISCONNECTED
    assert served.charged() == Usage(prompt_tokens(record), 16)


@pytest.mark.parametrize(("body", "completion"), [(CHAT, 16), (STREAM, 2)])
async def test_stopping_settles_what_it_cuts(  # noqa: PLR0917 - a table's columns
    envoy: Envoy,
    server: WireServer,
    served: Served,
    models: Server,
    body: dict[str, object],
    completion: int,
) -> None:
    call, _ = await sent(envoy, served, body)
    if body is STREAM:
        await call.say(response_headers(EVENTS))
        await call.say(response_body(models.event("Hello", 2), end=False))
    await server.stop(0.01)
    assert served.ledger.open == 0
    assert served.charged().completion_tokens == completion
    assert (await served.record()).outcome is Outcome.DISCONNECTED


async def test_stopping_waits_for_a_body_that_is_being_read(served: Served, sockets: Path) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        reading.set()
        go_on.wait(PATIENCE)

    long = {**CHAT, "user": "u" * 40_000}
    served.runtime.detector = Hook(hold)
    server = wire(served, sockets)
    await server.start()
    envoy = Envoy(sockets)
    call = envoy.process()
    await call.say(request_headers(served.head()))
    await call.send(request_body(json.dumps(long).encode()))
    assert await asyncio.to_thread(reading.wait, PATIENCE)
    await server.stop(0)
    assert (await served.record()).outcome is Outcome.DISCONNECTED
    go_on.set()
    await envoy.close()


async def test_stopping_lets_a_stream_end_in_its_grace(
    envoy: Envoy, server: WireServer, served: Served, models: Server
) -> None:
    call, _ = await sent(envoy, served)
    stopping = asyncio.ensure_future(server.stop(PATIENCE))
    await call.say(response_headers(JSON))
    await call.say(response_body(models.whole("Hello.", 5)))
    # Not `close`: the connection may be gone by the time that its half-close is written.
    assert await call.ended() is grpc.StatusCode.OK
    await stopping
    assert served.charged().completion_tokens == 5
    assert (await served.record()).outcome is Outcome.SERVED

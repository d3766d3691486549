"""Inference, message by message, as Envoy speaks it."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from envoy.config.core.v3.base_pb2 import HeaderValueOption
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode

from extauth.audit import Outcome
from extauth.content.privacy import Detector
from extauth.types import Counters, Usage
from tests.gateway.served import CHAT, EVENTS, JSON, contents
from tests.wire.conftest import wire
from tests.wire.envoy import (
    PATIENCE,
    Envoy,
    raw,
    request_body,
    request_headers,
    response_body,
    response_headers,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from envoy.service.ext_proc.v3.external_processor_pb2 import (
        ImmediateResponse,
        ProcessingResponse,
    )

    from extauth.audit import AuditRecord
    from extauth.content.privacy import Finding
    from extauth.wire import WireServer
    from tests.gateway.served import Served
    from tests.gateway.servers import Server
    from tests.wire.envoy import ProcessCall

    Recorded = Callable[[], Awaitable[AuditRecord]]

pytestmark = pytest.mark.slow

STREAM = {**CHAT, "stream": True}
INFER = "/v2/models/embed/infer"
CONTINUE = ("request_headers", "response_headers", "response_body")


def kind(message: ProcessingResponse) -> str:
    """What a reply is about."""
    return str(message.WhichOneof("response"))


def is_continue(message: ProcessingResponse) -> bool:
    """Whether a reply lets its message pass as it is."""
    part = getattr(message, kind(message))
    return kind(message) in CONTINUE and not part.HasField("response")


async def sent(
    envoy: Envoy, served: Served, body: object = CHAT
) -> tuple[ProcessCall, ProcessingResponse]:
    """A request that is on its way to the backend, and what Envoy was told to send there."""
    call = envoy.process()
    assert is_continue(await call.say(request_headers(served.head())))
    return call, await call.say(request_body(json.dumps(body).encode()))


async def refused(call: ProcessCall, *messages: Any) -> ImmediateResponse:
    """The answer in the backend's place, after the call has ended well."""
    *first, last = messages
    for message in first:
        assert is_continue(await call.say(message))
    answer = await call.say(last)
    assert kind(answer) == "immediate_response"
    assert await call.close() is grpc.StatusCode.OK
    return answer.immediate_response


def prompt_tokens(record: AuditRecord) -> int:
    """What the prompt was counted as."""
    assert record.facts is not None
    assert record.facts.tokens is not None
    return record.facts.tokens.prompt


async def test_a_plain_exchange(
    envoy: Envoy, served: Served, models: Server, recorded: Recorded
) -> None:
    call, upstream = await sent(envoy, served)
    common = upstream.request_body.response
    body = common.body_mutation.body
    assert "Say hello." in models.read(body)
    assert common.clear_route_cache
    headers = raw(common.header_mutation.set_headers)
    paths = {"triton": "/v2/models/chat/versions/1/generate", "openai": "/v1/chat/completions"}
    assert headers[":path"] == paths[models.kind]
    assert headers["x-sluice-cluster"] == "triton"
    assert headers["content-length"] == str(len(body))
    assert {option.append_action for option in common.header_mutation.set_headers} == {
        HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    }
    assert "accept-encoding" in common.header_mutation.remove_headers

    assert is_continue(await call.say(response_headers(JSON)))
    answer = await call.say(response_body(models.whole("Hello.", 5)))
    common = answer.response_body.response
    told = json.loads(common.body_mutation.body)
    assert told["choices"][0]["message"]["content"] == "Hello."
    headers = raw(common.header_mutation.set_headers)
    assert headers["content-type"] == "application/json"
    assert headers["content-length"] == str(len(common.body_mutation.body))
    assert int(headers["x-ratelimit-remaining-tokens"]) > 0
    assert "ratelimit" in headers
    assert await call.close() is grpc.StatusCode.OK

    record = await recorded()
    assert (record.outcome, record.status, record.request_id) == (Outcome.SERVED, 200, "r1")
    assert record.source == "192.0.2.7"
    assert record.usage is not None
    assert Usage(record.usage.prompt_tokens, record.usage.completion_tokens) == served.charged()
    assert served.charged() == Usage(prompt_tokens(record), 5)
    assert record.usage.cost > 0


async def test_a_stream(envoy: Envoy, served: Served, models: Server, recorded: Recorded) -> None:
    call, upstream = await sent(envoy, served, STREAM)
    headers = raw(upstream.request_body.response.header_mutation.set_headers)
    if models.kind == "triton":
        assert headers[":path"] == "/v2/models/chat/versions/1/generate_stream"

    opened = await call.say(response_headers({**EVENTS, "content-length": "7"}))
    assert opened.mode_override.response_body_mode == ProcessingMode.STREAMED
    assert opened.mode_override.request_body_mode == ProcessingMode.BUFFERED
    mutation = opened.response_headers.response.header_mutation
    headers = raw(mutation.set_headers)
    assert headers["content-type"].startswith("text/event-stream")
    assert "x-ratelimit-remaining-requests" in headers
    assert "content-length" in mutation.remove_headers

    pieces = models.event("Hel", 1) + models.event("lo.", 3, "stop")
    out = b""
    for piece, end in ((pieces[:9], False), (pieces[9:], False), (b"", True)):
        reply = await call.say(response_body(piece, end=end))
        mutated = reply.response_body.response.body_mutation
        assert bool(mutated.body) != mutated.clear_body
        out += mutated.body
    assert contents(out) == "Hello."
    assert out.endswith(b"data: [DONE]\n\n")
    assert await call.close() is grpc.StatusCode.OK

    record = await recorded()
    assert (record.outcome, record.stream) == (Outcome.SERVED, True)
    assert served.charged() == Usage(prompt_tokens(record), 3)


NOTHING = {"model": "chat", "prompt": "Say hello.", "max_tokens": 0}


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_without_the_backend(
    envoy: Envoy, served: Served, models: Server, recorded: Recorded, stream: bool
) -> None:
    call = envoy.process()
    assert is_continue(await call.say(request_headers(served.head("/v1/completions"))))
    body = json.dumps({**NOTHING, "stream": stream}).encode()
    answer = await call.say(request_body(body))
    assert kind(answer) == "immediate_response"
    told = answer.immediate_response
    assert told.status.code == 200
    headers = raw(told.headers.set_headers)
    assert headers["content-type"].startswith("text/event-stream" if stream else "application/json")
    assert int(headers["x-ratelimit-remaining-requests"]) >= 0
    if stream:
        first, *_, last, rest = told.body.decode().split("\n\n")
        assert (last, rest) == ("data: [DONE]", "")
        told_body = json.loads(first.removeprefix("data: "))
    else:
        told_body = json.loads(told.body)
    assert told_body["choices"][0]["finish_reason"] == "length"
    assert await call.close() is grpc.StatusCode.OK
    record = await recorded()
    assert (record.outcome, record.status, record.usage) == (Outcome.SERVED, 200, Usage())


async def test_a_backend_that_fails_is_told_in_its_place(
    envoy: Envoy, served: Served, models: Server, recorded: Recorded
) -> None:
    call, _ = await sent(envoy, served, STREAM)
    answer = await refused(call, response_headers(JSON, status=500), response_body(b"CUDA"))
    assert answer.status.code == 502
    assert b"CUDA" not in answer.body
    assert (await recorded()).outcome is Outcome.FAILED
    assert served.charged() == Usage()


async def test_an_answer_without_a_body_is_a_failure(
    envoy: Envoy, served: Served, models: Server, recorded: Recorded
) -> None:
    call, _ = await sent(envoy, served)
    answer = await refused(call, response_headers(JSON, end=True))
    assert answer.status.code == 502
    assert (await recorded()).error == "backend_error"


async def test_a_refusal_in_the_shape_of_openai(
    envoy: Envoy, served: Served, recorded: Recorded
) -> None:
    answer = await refused(envoy.process(), request_headers(served.head(who=None)))
    assert answer.status.code == 401
    assert answer.details == "invalid_api_key"
    error = json.loads(answer.body)["error"]
    assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")
    headers = raw(answer.headers.set_headers)
    assert headers["content-type"] == "application/json"
    assert headers["www-authenticate"] == "Bearer"
    assert (await recorded()).outcome is Outcome.DENIED


async def test_a_refusal_in_the_shape_of_kserve(
    envoy: Envoy, served: Served, recorded: Recorded
) -> None:
    answer = await refused(
        envoy.process(), request_headers(served.head(INFER)), request_body(b"not json")
    )
    assert answer.status.code == 400
    assert list(json.loads(answer.body)) == ["error"]
    record = await recorded()
    assert (record.outcome, record.status) == (Outcome.INVALID, 400)


async def test_a_limit_without_room_tells_what_is_left(
    envoy: Envoy, served: Served, decide: Callable[..., Awaitable[None]], recorded: Recorded
) -> None:
    limit = {"name": "day", "key": "k", "unit": "requests", "window": 60, "max": 0}
    await decide(
        inference={
            "allow": True,
            "route": {"model": "chat", "version": "1", "cluster": "triton"},
            "obligations": [{"type": "limit", **limit}],
        }
    )
    answer = await refused(
        envoy.process(), request_headers(served.head()), request_body(json.dumps(CHAT).encode())
    )
    assert answer.status.code == 429
    assert raw(answer.headers.set_headers)["x-ratelimit-remaining-requests"] == "0"
    assert (await recorded()).outcome is Outcome.LIMITED


async def test_a_request_without_a_body_is_refused(
    envoy: Envoy, served: Served, recorded: Recorded
) -> None:
    answer = await refused(envoy.process(), request_headers(served.head(), end=True))
    assert answer.status.code == 400
    assert (await recorded()).outcome is Outcome.INVALID


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


async def test_a_call_that_says_nothing_is_no_request(envoy: Envoy, served: Served) -> None:
    assert await envoy.process().close() is grpc.StatusCode.OK
    assert await served.records() == ()


async def test_an_answer_of_envoys_own_passes_and_is_no_request(
    envoy: Envoy, served: Served
) -> None:
    call = envoy.process()
    assert is_continue(await call.say(response_headers(JSON, status=413)))
    assert is_continue(await call.say(response_body(b"{}")))
    assert await call.close() is grpc.StatusCode.OK
    assert await served.records() == ()


async def test_an_answer_of_envoys_own_to_a_body_passes_and_is_on_record(
    envoy: Envoy, served: Served
) -> None:
    call = envoy.process()
    assert is_continue(await call.say(request_headers(served.head())))
    assert is_continue(await call.say(response_headers(JSON, status=413)))
    assert is_continue(await call.say(response_body(b"{}")))
    assert await call.close() is grpc.StatusCode.OK
    record = await served.record()
    assert (record.outcome, record.status) == (Outcome.INVALID, 413)


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

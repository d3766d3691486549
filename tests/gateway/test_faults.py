"""Answers that are not what the server's API promises: the client's error, and what is charged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from extauth.audit import Outcome
from extauth.backends.sse import MAX_EVENT
from extauth.errors import AnsweredError, BackendError, BackendUnavailable, InvalidRequest
from extauth.types import Counters, Usage
from tests.gateway.served import CHAT, EVENTS, JSON, contents
from tests.gateway.servers import OPENAI, TRITON

if TYPE_CHECKING:
    from extauth.gateway.request import Request
    from tests.gateway.served import Served
    from tests.gateway.servers import Server

STREAM = {**CHAT, "stream": True}
HTML = b"<html><body>secret-host is down</body></html>"
SAID = "Hello there, nice to see you. "
CUT = b'{"choices":[{"text'


async def read(request: Request, *chunks: bytes) -> bytes:
    """A stream's bytes, as the client gets them."""
    await request.answer_headers(200, EVENTS, end=False)
    out = [await request.chunk(chunk, end=False) for chunk in chunks]
    return b"".join([*out, await request.chunk(b"", end=True)])


def failed(stream: bytes) -> tuple[str, str]:
    """The text ahead of a stream's error, and the error's code."""
    text, error = stream.split(b'data: {"error"')
    return contents(text), json.loads(b'{"error"' + error.strip())["error"]["code"]


def both(status: int, body: bytes, error: type[AnsweredError]) -> list[object]:
    """The same of each kind of server."""
    return [(server, status, body, error) for server in (TRITON, OPENAI)]


@pytest.mark.parametrize(
    ("models", "status", "body", "error"),
    [
        (
            TRITON,
            400,
            b'{"error":"[request id: 1] Exceeds maximum queue size"}',
            BackendUnavailable,
        ),
        (TRITON, 400, b'{"error":"unexpected inference input \'x\' for model"}', InvalidRequest),
        (TRITON, 500, b'{"error":"CUDA error at line 12 of the prompt"}', BackendError),
        (TRITON, 200, b'{"error":"the python stub died of CUDA"}', BackendError),
        (OPENAI, 429, b'{"error":{"message":"CUDA"}}', BackendUnavailable),
        (OPENAI, 400, b'{"error":{"message":"CUDA","param":"stop"}}', InvalidRequest),
        (OPENAI, 401, b'{"error":{"message":"CUDA"}}', BackendError),
        (OPENAI, 500, b'{"error":{"message":"CUDA error at line 12"}}', BackendError),
        (OPENAI, 200, b'{"error":{"message":"CUDA","code":500}}', BackendError),
        *both(503, b"no healthy upstream", BackendUnavailable),
        *both(200, b"not json", BackendError),
        *both(200, b"", BackendError),
        *both(200, CUT, BackendError),
        *both(200, b"data: " + CUT, BackendError),
    ],
    indirect=["models"],
)
@pytest.mark.parametrize("asks", [CHAT, STREAM], ids=["plain", "stream"])
async def test_a_server_that_fails_costs_nothing(  # noqa: PLR0917 - a table's columns
    served: Served,
    server: Server,
    status: int,
    body: bytes,
    error: type[AnsweredError],
    asks: dict[str, object],
) -> None:
    request, _ = await served.exchange(asks)
    assert not (await request.answer_headers(status, JSON, end=False)).chunked
    refused = await request.chunk(body, end=True)
    assert refused.status == error.default_status
    assert b"CUDA" not in refused.body
    assert served.charged() == Usage()
    assert await served.counted() == Counters()


@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize("asks", [CHAT, STREAM], ids=["plain", "stream"])
async def test_a_page_of_html_is_a_failure_that_says_nothing_of_it(
    served: Served, server: Server, status: int, asks: dict[str, object]
) -> None:
    request, _ = await served.exchange(asks)
    opened = await request.answer_headers(status, {"content-type": "text/html"}, end=False)
    assert not opened.chunked
    refused = await request.chunk(HTML, end=True)
    assert (refused.status, refused.code) == (502, "backend_error")
    assert b"secret-host" not in refused.body
    assert served.charged() == Usage()


@pytest.mark.parametrize(
    "rest",
    [HTML, b"data: " + CUT, b"data: " + HTML + b"\n\n", b"data: " + CUT + b"\n\n", b"data: []\n\n"],
    ids=["html", "cut in an event", "html in an event", "cut json", "no object"],
)
async def test_what_is_no_event_ends_a_stream_behind_what_was_said(
    served: Served, server: Server, rest: bytes
) -> None:
    request, _ = await served.exchange(STREAM)
    out = await read(request, server.event(SAID, 2), rest)
    text, code = failed(out)
    # The last word is held back, since what follows could make something else of it.
    assert text.startswith("Hello there,")
    assert code == "backend_error"
    assert b"secret-host" not in out
    assert served.charged().completion_tokens == 2
    record = await served.record()
    assert (record.outcome, record.error) == (Outcome.FAILED, "backend_error")


async def test_a_line_that_never_ends_is_cut_off(served: Served, server: Server) -> None:
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    out = await request.chunk(server.event(SAID, 2), end=False)
    endless = b"data: " + b"x" * (MAX_EVENT // 4)
    for _ in range(5):
        out += await request.chunk(endless, end=False)
    text, code = failed(out)
    assert text.startswith("Hello there,")
    assert code == "backend_error"
    assert served.charged().completion_tokens == 2
    # What else arrives is not kept.
    assert await request.chunk(endless, end=False) == b""


async def test_a_stream_that_ends_in_the_middle_of_a_choice_says_so(
    served: Served, server: Server
) -> None:
    request, _ = await served.exchange({**STREAM, "n": 2})
    out = await read(request, server.event("One.", 2, "stop"), server.event("Tw", 3, index=1))
    assert b'data: {"error"' in out
    assert b"[DONE]" not in out
    assert await served.counted() != Counters()
    assert (await served.record()).outcome is Outcome.FAILED


async def test_a_stream_whose_choices_have_ended_needs_no_word_of_its_end(
    served: Served, server: Server
) -> None:
    """Triton has none, and not every other server sends `[DONE]`."""
    request, _ = await served.exchange(STREAM)
    out = await read(request, server.event("Hello", 2, "stop"))
    assert contents(out) == "Hello"
    assert out.endswith(b"data: [DONE]\n\n")
    assert served.charged().completion_tokens == 2
    assert (await served.record()).outcome is Outcome.SERVED


@pytest.mark.parametrize("models", [OPENAI], indirect=True)
async def test_usage_that_is_cut_off_leaves_the_gateways_own_count(
    served: Served, server: Server
) -> None:
    request, dispatch = await served.exchange(STREAM)
    usage = server.event("", 90, prompt=700)
    out = await read(request, server.event("Hello there.", reason="stop"), usage[:-20])
    assert contents(out) == "Hello there."
    count = dispatch.model.tokenizer.count("Hello there.") + dispatch.unseen
    assert served.charged() == Usage(dispatch.worst_case.prompt_tokens, count)
    assert (await served.record()).outcome is Outcome.SERVED

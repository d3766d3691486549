"""From a model server's bytes to the client's, and what they cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from extauth.audit import Outcome
from extauth.gateway.exchange import State
from extauth.gateway.step import Refuse
from extauth.types import Usage
from tests.gateway.served import CHAT, EVENTS, JSON, contents

if TYPE_CHECKING:
    from extauth.gateway.request import Request
    from tests.gateway.served import Served
    from tests.gateway.servers import Server

STREAM = {**CHAT, "stream": True}
SECRETIVE = {
    **CHAT,
    "messages": [{"role": "user", "content": "Write to jane@example.com and bob@example.com."}],
}


def used(request: Request, completion: int) -> Usage:
    """The prompt, and so many tokens of an answer."""
    return Usage(request.stage.dispatched.worst_case.prompt_tokens, completion)


def placeholders(server: Server, prompt: bytes) -> list[str]:
    """What stands for the two addresses in the request to the server."""
    words = server.read(prompt).replace("<|end|>", " ").split()
    return [word.rstrip(".") for word in words if word.startswith("[EMAIL_")]


async def test_a_whole_answer_is_settled_before_it_is_given(served: Served, server: Server) -> None:
    request, dispatch = await served.exchange()
    assert not (await request.answer_headers(200, JSON, end=False)).chunked
    answer = await request.chunk(server.whole("Hello there.", 5), end=True)
    usage = used(request, 5)
    assert served.charged() == usage
    body = json.loads(answer.body)
    assert body["choices"][0]["message"]["content"] == "Hello there."
    assert body["usage"]["prompt_tokens"] == usage.prompt_tokens
    assert body["usage"]["completion_tokens"] == 5
    assert body["model"] == "chat@1"
    assert dict(answer.headers)["content-type"] == "application/json"
    assert dispatch.route.version == "1"
    assert (await served.record()).outcome is Outcome.SERVED


async def test_choices_are_charged_together(served: Served, server: Server) -> None:
    request, _ = await served.exchange({**CHAT, "n": 2})
    await request.answer_headers(200, JSON, end=False)
    await request.chunk(server.choices("one", "two", tokens=[3, 16]), end=True)
    assert served.charged() == used(request, 19)


async def test_what_the_backend_does_not_count_is_counted_here(
    served: Served, server: Server
) -> None:
    text = "A policy decides what may happen."
    request, dispatch = await served.exchange()
    await request.answer_headers(200, JSON, end=False)
    await request.chunk(server.whole(text), end=True)
    count = dispatch.model.tokenizer.count(text)
    assert count > 3
    assert served.charged() == used(request, count)


async def test_a_stop_string_that_is_not_in_the_text_was_generated_all_the_same(
    served: Served,
    server: Server,
) -> None:
    body = {**CHAT, "stop": ["!", "the very end"]}
    request, dispatch = await served.exchange(body)
    await request.answer_headers(200, JSON, end=False)
    await request.chunk(server.whole("Hello", reason="stop"), end=True)
    counts = dispatch.model.tokenizer.count
    assert served.charged() == used(request, counts("Hello") + counts("the very end"))


async def test_placeholders_are_put_back(served: Served, server: Server) -> None:
    request, dispatch = await served.exchange(SECRETIVE)
    assert b"example.com" not in dispatch.request.body
    jane, bob = placeholders(server, dispatch.request.body)
    await request.answer_headers(200, JSON, end=False)
    answer = await request.chunk(server.whole(f"Wrote to {jane}, not to {bob}!", 9), end=True)
    message = json.loads(answer.body)["choices"][0]["message"]["content"]
    assert message == "Wrote to jane@example.com, not to bob@example.com!"


async def test_a_stream_says_each_piece_as_it_comes_and_charges_at_the_end(
    served: Served,
    server: Server,
) -> None:
    body = {**STREAM, "stream_options": {"include_usage": True}}
    request, _ = await served.exchange(body)
    assert (await request.answer_headers(200, EVENTS, end=False)).chunked
    first = await request.chunk(server.event("Hello ", 1), end=False)
    assert contents(first) == "Hello "
    assert served.charged() == Usage()
    second = await request.chunk(server.event("there.", 3, "stop"), end=False)
    last = await request.chunk(b"", end=True)
    assert served.charged() == used(request, 3)
    assert contents(second + last) == "there."
    assert last.endswith(b"data: [DONE]\n\n")
    assert f'"completion_tokens":{3}'.encode() in last
    assert request.stage.state is State.DONE


@pytest.mark.parametrize("end", ["with the last piece", "by itself"])
async def test_a_placeholder_is_put_back_wherever_it_is_cut(
    served: Served, server: Server, end: str
) -> None:
    request, dispatch = await served.exchange({**SECRETIVE, "stream": True})
    jane, _ = placeholders(server, dispatch.request.body)
    for cut in range(len(jane) + 1):
        request, dispatch = await served.exchange({**SECRETIVE, "stream": True})
        jane, _ = placeholders(server, dispatch.request.body)
        await request.answer_headers(200, EVENTS, end=False)
        out = await request.chunk(server.event(f"To {jane[:cut]}", 1), end=False)
        assert "[EMAIL" not in contents(out)
        rest = server.event(f"{jane[cut:]}.", 2, "stop")
        if end == "by itself":
            out += await request.chunk(rest, end=False)
            rest = b""
        out += await request.chunk(rest, end=True)
        assert contents(out) == "To jane@example.com."


async def test_bytes_of_a_stream_may_be_cut_anywhere(served: Served, server: Server) -> None:
    pieces = server.event("Grüße, ", 2) + server.event("Welt!", 4, "length")
    for cut in range(len(pieces) + 1):
        request, _ = await served.exchange(STREAM)
        await request.answer_headers(200, EVENTS, end=False)
        out = await request.chunk(pieces[:cut], end=False)
        out += await request.chunk(pieces[cut:], end=True)
        assert contents(out) == "Grüße, Welt!"
        assert out.endswith(b"data: [DONE]\n\n")


async def test_what_was_held_back_is_given_when_a_choice_never_ends(
    served: Served, server: Server
) -> None:
    request, _ = await served.exchange({**SECRETIVE, "stream": True})
    await request.answer_headers(200, EVENTS, end=False)
    held = await request.chunk(server.event("See [EMAIL_", 2), end=False)
    last = await request.chunk(b"", end=True)
    assert contents(held) == "See "
    assert b"[EMAIL_" in last
    assert b"ended early" in last


async def test_a_backend_that_fails_in_a_stream_is_an_event_and_charged_what_was_used(
    served: Served,
    server: Server,
) -> None:
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    await request.chunk(server.event("Hello", 2), end=False)
    out = await request.chunk(server.error("stub died at line 12"), end=False)
    (line,) = out.decode().strip().split("\n\n")
    assert json.loads(line.removeprefix("data: "))["error"]["code"] == "backend_error"
    assert b"line 12" not in out
    assert served.charged() == used(request, 2)
    record = await served.record()
    assert (record.outcome, record.error) == (Outcome.FAILED, "backend_error")
    assert record.usage is not None
    assert record.usage.completion_tokens == 2


async def test_text_ahead_of_a_failure_in_the_same_chunk_is_said(
    served: Served, server: Server
) -> None:
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    out = await request.chunk(server.event("Hello", 2) + server.error("x"), end=True)
    text, error = out.split(b'data: {"error"')
    assert contents(text) == "Hello"
    assert b"backend_error" in error
    assert served.charged() == used(request, 2)


async def test_nothing_follows_the_end(served: Served, server: Server) -> None:
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    await request.chunk(server.event("Hello", 2, "stop"), end=True)
    assert await request.chunk(server.event("more", 9), end=True) == b""
    assert served.charged() == used(request, 2)


@pytest.mark.parametrize("headers", [False, True])
async def test_a_whole_answer_that_nobody_waits_for_is_charged_as_reserved(
    served: Served, server: Server, headers: bool
) -> None:
    request, dispatch = await served.exchange()
    if headers:
        await request.answer_headers(200, JSON, end=False)
    await served.leave(request)
    assert served.charged() == dispatch.worst_case
    assert dispatch.worst_case.completion_tokens == 16
    assert (await served.record()).outcome is Outcome.DISCONNECTED


@pytest.mark.parametrize("asks", [CHAT, STREAM])
async def test_what_took_too_long_is_charged_as_reserved(
    served: Served, server: Server, asks: dict[str, object]
) -> None:
    request, dispatch = await served.exchange(asks)
    step = await request.answer_headers(504, {"content-type": "text/plain"}, end=False)
    assert not step.chunked
    refused = await request.chunk(b"upstream request timeout", end=True)
    assert (refused.status, refused.code) == (504, "timeout")
    assert served.charged() == dispatch.worst_case
    assert (await served.record()).outcome is Outcome.FAILED


async def test_a_stream_that_is_cut_is_charged_what_was_seen(
    served: Served, server: Server
) -> None:
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    await request.chunk(server.event("Hel", 1), end=False)
    await request.chunk(server.event("lo", 4), end=False)
    await served.leave(request)
    assert served.charged() == used(request, 4)
    record = await served.record()
    assert (record.outcome, record.stream) == (Outcome.DISCONNECTED, True)


async def test_a_stream_that_the_gateway_fails_is_charged_what_was_seen(
    served: Served, server: Server
) -> None:
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    await request.chunk(server.event("Hello", 3), end=False)
    wanted = used(request, 3)
    assert isinstance(await request._refuse(RuntimeError("a defect")), Refuse)
    assert served.charged() == wanted


async def test_a_stream_that_is_cut_before_its_first_piece_is_charged_its_prompt(
    served: Served, server: Server
) -> None:
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    await served.leave(request)
    assert served.charged() == used(request, 0)


async def test_abandoning_twice_or_after_the_end_changes_nothing(
    served: Served, server: Server
) -> None:
    cut, _ = await served.exchange(STREAM)
    await cut.answer_headers(200, EVENTS, end=False)
    await cut.chunk(server.event("Hello", 2), end=False)
    await served.leave(cut)
    await served.leave(cut)
    done, _ = await served.exchange()
    await done.answer_headers(200, JSON, end=False)
    await done.chunk(server.whole("Hello", 5), end=True)
    await served.leave(done)
    prompt = used(cut, 0).prompt_tokens
    assert served.charged() == Usage(2 * prompt, 7)
    outcomes = [record.outcome for record in await served.records()]
    assert outcomes == [Outcome.DISCONNECTED, Outcome.SERVED]


async def test_a_stream_whose_usage_can_not_be_written_ends_in_an_error(
    served: Served, server: Server
) -> None:
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    await served.ledger.close()
    out = await request.chunk(server.event("Hello", 2, "stop"), end=True)
    assert b"ledger_unavailable" in out
    assert b"[DONE]" not in out
    assert (await served.record()).outcome is Outcome.FAILED


async def test_a_failing_stream_whose_usage_can_not_be_written_says_so(
    served: Served, server: Server
) -> None:
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    await served.ledger.close()
    out = await request.chunk(server.error("x"), end=False)
    assert b"ledger_unavailable" in out

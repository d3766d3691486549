"""Answers that are known without the model: on the books, and treated, like any other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from extauth.audit import Outcome
from extauth.gateway.dispatched import Answered
from extauth.gateway.exchange import Exchange
from extauth.gateway.step import Answer, Refuse, Upstream
from extauth.types import Counters, Delta, Usage
from tests.gateway.served import CHAT, ROUTE, contents

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.gateway.served import Served

    Decide = Callable[..., Awaitable[None]]

PATH = "/v1/completions"
NOTHING = {"model": "chat", "prompt": "Say hello.", "max_tokens": 0}
SECRETIVE = {
    **CHAT,
    "messages": [{"role": "user", "content": "Write to jane@example.com at once."}],
}


async def ask(served: Served, body: dict[str, Any], path: str = PATH) -> object:
    """What becomes of a request once its body is there."""
    request = await served.admit(served.head(path))
    return await request.body(json.dumps(body).encode())


@pytest.mark.parametrize("choices", [1, 3])
async def test_a_completion_of_no_tokens_needs_no_model(served: Served, choices: int) -> None:
    step = await ask(served, {**NOTHING, "n": choices})
    assert isinstance(step, Answer)
    body = json.loads(step.body)
    assert body["object"] == "text_completion"
    assert [(one["index"], one["text"], one["finish_reason"]) for one in body["choices"]] == [
        (index, "", "length") for index in range(choices)
    ]
    assert body["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


async def test_it_may_be_a_stream_which_is_whole_in_the_body(served: Served) -> None:
    step = await ask(served, {**NOTHING, "stream": True, "stream_options": {"include_usage": True}})
    assert isinstance(step, Answer)
    assert dict(step.headers)["content-type"].startswith("text/event-stream")
    finish, usage, done, rest = step.body.decode().split("\n\n")
    assert json.loads(finish[6:])["choices"][0]["finish_reason"] == "length"
    assert json.loads(usage[6:])["usage"]["total_tokens"] == 0
    assert (done, rest) == ("data: [DONE]", "")


async def test_it_counts_as_a_request_of_no_tokens(served: Served) -> None:
    step = await ask(served, NOTHING)
    assert isinstance(step, Answer)
    assert int(dict(step.headers)["x-ratelimit-remaining-requests"]) >= 0
    assert await served.counted() == Counters(requests=1, tokens=0)
    assert served.ledger.open == 0
    record = await served.record()
    assert (record.outcome, record.status, record.usage) == (Outcome.SERVED, 200, Usage())
    assert record.route is not None
    assert "backend" not in record.timings


async def test_a_limit_without_room_comes_first(served: Served, decide: Decide) -> None:
    limit = {"name": "day", "key": "k", "unit": "requests", "window": 60, "max": 0}
    await decide(
        inference={"allow": True, "route": ROUTE, "obligations": [{"type": "limit", **limit}]}
    )
    step = await ask(served, NOTHING)
    assert isinstance(step, Refuse)
    assert step.status == 429


async def test_whose_books_can_not_be_written_gets_none(served: Served) -> None:
    request = await served.admit(served.head(PATH))
    await served.ledger.close()
    assert isinstance(await request.body(json.dumps(NOTHING).encode()), Refuse)


async def test_any_other_number_goes_to_the_model(served: Served) -> None:
    assert isinstance(await ask(served, {**NOTHING, "max_tokens": 1}), Upstream)


async def test_a_chat_of_no_tokens_is_a_mistake(served: Served) -> None:
    """OpenAI's own API refuses it as well."""
    step = await ask(served, {**CHAT, "max_tokens": 0}, "/v1/chat/completions")
    assert isinstance(step, Refuse)
    assert step.status == 400


@pytest.mark.parametrize("stream", [False, True])
async def test_whatever_is_answered_is_restored_charged_and_told(
    served: Served, stream: bool
) -> None:
    """As an answer from a cache would be, in pieces or whole."""
    request, dispatched = await served.exchange({**SECRETIVE, "stream": stream})
    (masked,) = [
        word for word in json.loads(dispatched.request.body)["text_input"].split() if "[E" in word
    ]
    usage = Usage(7, 3, 100)
    pieces = (Delta(0, f"Wrote to {masked[:5]}"), Delta(0, f"{masked[5:]}.", "stop"))
    whole = (Delta(0, f"Wrote to {masked}.", "stop"),)
    exchange = request.stage
    assert isinstance(exchange, Exchange)
    answer = await exchange.answer(Answered(pieces if stream else whole, usage))
    if stream:
        said = contents(answer.body)
    else:
        body = json.loads(answer.body)
        said = body["choices"][0]["message"]["content"]
        assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (7, 3)
    assert said == "Wrote to jane@example.com."
    assert served.charged() == Usage(7, 3)
    assert (await served.record()).usage == usage

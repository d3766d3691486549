"""The body stage: counted, decided, enforced and reserved before anything leaves."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from extauth.content.privacy import Detector
from extauth.ledger import Counter
from extauth.types import Counters
from tests.gateway.served import CHAT, NOW, ROUTE, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from extauth.content.privacy import Finding
    from tests.gateway.served import Served

    Decide = Callable[..., Awaitable[None]]

pytestmark = pytest.mark.slow

TOKENS = {"type": "limit", "name": "tokens", "key": "all", "unit": "tokens", "window": 60}
REQUESTS = {**TOKENS, "name": "requests", "unit": "requests"}


def allow(*obligations: dict[str, Any], **route: str) -> dict[str, Any]:
    """A decision that lets it pass."""
    return {"allow": True, "route": {**ROUTE, **route}, "obligations": obligations}


async def refused(served: Served, body: object, **head: Any) -> Refused:
    """The error that a request is answered with; nothing stays reserved."""
    with pytest.raises(Refused) as raised:
        await served.dispatch(body, served.head(**head))
    assert await served.counted() == Counters()
    return raised.value


async def test_what_leaves_is_what_was_decided_on(served: Served) -> None:
    _, dispatch = await served.dispatch({**CHAT, "model": "chat@next", "temperature": 0.5})
    assert dispatch.request.path == "/v2/models/chat/versions/2/generate"
    sent = json.loads(dispatch.request.body)
    assert (sent["max_tokens"], sent["temperature"]) == (16, 0.5)
    assert "Say hello." in sent["text_input"]
    model = served.runtime.models["chat"]
    assert model.counts([sent["text_input"]]) == [dispatch.worst_case.prompt_tokens]
    assert dispatch.worst_case.completion_tokens == 16


async def test_every_choice_is_reserved(served: Served) -> None:
    _, dispatch = await served.dispatch({**CHAT, "n": 3})
    assert dispatch.worst_case.completion_tokens == 48
    assert (await served.counted()).tokens == dispatch.worst_case.total_tokens


async def test_without_max_tokens_the_rest_of_the_context_is_reserved(served: Served) -> None:
    body = {key: value for key, value in CHAT.items() if key != "max_tokens"}
    _, dispatch = await served.dispatch(body)
    assert dispatch.worst_case.total_tokens == 1024


async def test_what_does_not_fit_the_context_is_refused_with_the_numbers(
    served: Served,
) -> None:
    error = await refused(served, {**CHAT, "max_tokens": 1024})
    assert (error.status, error.code) == (400, "context_length_exceeded")
    assert "1024 tokens" in error.told
    prompt = {**CHAT, "messages": [{"role": "user", "content": "word " * 2000}]}
    assert (await refused(served, prompt)).code == "context_length_exceeded"


async def test_a_clamp_lowers_what_is_sent_and_what_is_reserved(
    served: Served, decide: Decide
) -> None:
    await decide(inference=allow({"type": "clamp", "max_tokens": 4}))
    _, dispatch = await served.dispatch({**CHAT, "max_tokens": 5000})
    assert json.loads(dispatch.request.body)["max_tokens"] == 4
    assert dispatch.worst_case.completion_tokens == 4


async def test_a_masked_prompt_is_counted_again(served: Served) -> None:
    text = "Mail jane.doe@example.com, john.roe@example.com and mary.major@example.com."
    transaction, dispatch = await served.dispatch(
        {**CHAT, "messages": [{"role": "user", "content": text}]}
    )
    sent = json.loads(dispatch.request.body)["text_input"]
    assert "example.com" not in sent
    count = served.runtime.models["chat"].counts([sent])[0]
    assert dispatch.worst_case.prompt_tokens == count
    assert transaction.entry.facts is not None
    assert transaction.entry.facts.tokens is not None
    assert transaction.entry.facts.sensitive == {"email": 3}
    assert transaction.entry.facts.tokens.prompt != count


async def test_limits_are_reserved_all_or_none(served: Served, decide: Decide) -> None:
    await decide(inference=allow({**REQUESTS, "max": 2}, {**TOKENS, "max": 10_000}))
    _, dispatch = await served.dispatch()
    assert [state.remaining for state in dispatch.limits] == [
        1,
        10_000 - dispatch.worst_case.total_tokens,
    ]
    before = await served.counted()
    await decide(inference=allow({**REQUESTS, "max": 2}, {**TOKENS, "max": 10}))
    with pytest.raises(Refused) as raised:
        await served.dispatch()
    assert (raised.value.status, raised.value.code) == (429, "tokens")
    assert await served.counted() == before
    await decide(inference=allow({**REQUESTS, "max": 2}))
    await served.dispatch()
    with pytest.raises(Refused, match="requests"):
        await served.dispatch()


async def test_concurrent_requests_never_overspend(served: Served, decide: Decide) -> None:
    await decide(inference=allow({**REQUESTS, "max": 5}))
    ends = await asyncio.gather(*(served.dispatch() for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(end, Refused) for end in ends) == 7
    assert (await served.counted()).requests == 5


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": CHAT["messages"]}),
        ("/v1/completions", {"prompt": [1, 2, 3]}),
        ("/v1/embeddings", {"input": [1, 2, 3]}),
    ],
)
async def test_an_unknown_model_is_the_policys_not_found(
    served: Served, path: str, body: dict[str, object]
) -> None:
    error = await refused(served, {**body, "model": "nosuch"}, path=path)
    assert (error.status, error.code) == (404, "model.unknown")


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "hello"}],
        [{"role": "user", "content": "<|end|>"}],
        [{"role": "user", "content": "word " * 9000}],
    ],
)
async def test_no_body_tells_a_forbidden_model_from_a_missing_one(
    served: Served, messages: list[dict[str, str]]
) -> None:
    """`embed` can't chat, and `echo` has control tokens and a context: bob may see neither."""
    told = set()
    for model in ("embed", "echo", "nosuch"):
        error = await refused(served, {"model": model, "messages": messages}, who="bob")
        told.add((error.status, error.code, error.told.replace(model, "")))
    assert len(told) == 1


async def test_who_may_see_a_model_is_told_what_it_is_not_for(served: Served) -> None:
    error = await refused(served, {**CHAT, "model": "embed"})
    assert (error.status, error.code) == (400, "unsupported_operation")


async def test_a_policy_that_allows_an_unknown_model_is_a_defect(
    served: Served, decide: Decide
) -> None:
    await decide(inference=allow())
    assert (await refused(served, {**CHAT, "model": "nosuch"})).code == "policy_error"


async def test_the_policy_comes_before_what_the_models_can_not_do(
    served: Served, decide: Decide
) -> None:
    body = {**CHAT, "logprobs": True}
    await decide(inference={"allow": False, "reasons": [{"rule": "no", "message": "No."}]})
    assert (await refused(served, body)).code == "no"
    await decide(inference=allow())
    error = await refused(served, body)
    assert (error.status, error.param) == (400, "logprobs")


@pytest.mark.usefixtures("at_once")
async def test_a_model_whose_backend_can_not_honour_a_parameter_refuses_it(
    served: Served, decide: Decide
) -> None:
    """The model that it is routed to: `echo` streams, and `chat` does not here."""
    body = {**CHAT, "stream": True, "seed": 1}
    error = await refused(served, body)
    assert (error.status, error.code, error.param) == (400, "unsupported_parameter", "seed")
    assert "model chat" in error.told
    assert (await refused(served, {**CHAT, "stream": True})).param == "stream"
    await served.dispatch({**CHAT, "n": 2, "stop": "!"})
    await decide(inference=allow(model="echo"))
    await served.dispatch(body)


@pytest.mark.parametrize("wrong", [{"version": "9"}, {"cluster": "portal"}, {"model": "nosuch"}])
async def test_a_route_to_nowhere_is_a_deny(
    served: Served, decide: Decide, wrong: dict[str, str]
) -> None:
    await decide(inference=allow(**wrong))
    error = await refused(served, CHAT)
    assert (error.status, error.code) == (403, "policy_error")
    assert "nosuch" not in error.told


async def test_a_policy_may_route_to_another_model(served: Served, decide: Decide) -> None:
    await decide(inference=allow({"type": "mask", "kinds": ["email"]}, model="echo"))
    messages = [{"role": "user", "content": "I am jane@example.com."}]
    _, dispatch = await served.dispatch({"model": "chat", "messages": messages})
    assert dispatch.request.path == "/v2/models/echo/versions/1/generate"
    sent = json.loads(dispatch.request.body)
    assert "[EMAIL_1" in sent["text_input"]
    count = served.runtime.models["echo"].counts([sent["text_input"]])[0]
    assert dispatch.worst_case.prompt_tokens == count
    assert dispatch.worst_case.total_tokens <= 8192
    assert dispatch.worst_case.total_tokens > 1024


async def test_a_body_over_the_limit_is_refused(served: Served) -> None:
    assert (await refused(served, b" " * ((1 << 20) + 1))).code == "request_too_large"


async def test_a_large_body_is_read_off_the_event_loop(served: Served, decide: Decide) -> None:
    """What takes time with the body's size: counting, detecting, masking, counting again."""
    seen: list[bool] = []

    class Watched(Detector):
        def detect_all(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
            seen.append(threading.current_thread() is threading.main_thread())
            return super().detect_all(texts)

    await decide(inference=allow({"type": "mask", "kinds": ["email"]}, model="echo"))
    served.runtime.detector = Watched()
    content = {"role": "user", "content": "jane@example.com"}
    body = json.dumps({"model": "echo", "messages": [content], "max_tokens": 1}).encode()
    for padding in (0, 40_000):
        _, dispatch = await served.dispatch(b" " * padding + body)
        assert b"jane@" not in dispatch.request.body
    assert seen == [True, False]


async def test_the_ledger_and_the_policy_never_see_content(served: Served) -> None:
    transaction, _ = await served.dispatch(
        {**CHAT, "messages": [{"role": "user", "content": "the launch code is 4711"}]}
    )
    await transaction.disconnected()
    assert "launch" not in str(await served.record())
    await served.ledger.close()
    assert b"launch" not in (served.root / "ledger.db").read_bytes()


async def test_a_long_chat_goes_without_its_oldest_turns(served: Served, decide: Decide) -> None:
    await decide(inference=allow({"type": "context", "on_exceed": "drop_oldest"}))
    turns = [
        {"role": role, "content": "word " * 100} for _ in range(8) for role in ("user", "assistant")
    ]
    transaction, dispatch = await served.dispatch({**CHAT, "messages": [*turns, *CHAT["messages"]]})
    sent = json.loads(dispatch.request.body)["text_input"]
    assert sent.endswith("<|user|>Say hello.<|end|><|assistant|>")
    assert served.runtime.models["chat"].counts([sent]) == [dispatch.worst_case.prompt_tokens]
    assert (await served.counted()).tokens == dispatch.worst_case.total_tokens <= 1024
    assert transaction.entry.facts is not None
    assert transaction.entry.facts.tokens is not None
    assert transaction.entry.facts.tokens.prompt > 1024
    await transaction.disconnected()
    record = await served.record()
    assert record.dropped_turns == transaction.entry.dropped_turns > 0


async def test_a_prompt_that_masking_made_longer_still_fits_without_a_length(
    served: Served,
) -> None:
    text = "Mail a@b.io, c@d.io, e@f.io and g@h.io."
    body = {"model": "chat", "messages": [{"role": "user", "content": text}]}
    transaction, dispatch = await served.dispatch(body)
    assert transaction.entry.facts is not None
    assert transaction.entry.facts.tokens is not None
    assert dispatch.worst_case.prompt_tokens > transaction.entry.facts.tokens.prompt
    assert dispatch.worst_case.total_tokens == 1024


async def test_ids_in_a_tensor_are_reserved(served: Served) -> None:
    ids = {"name": "input_ids", "datatype": "INT64", "shape": [2, 3], "data": [5, 6, 7, 8, 9, 0]}
    head = served.head("/v2/models/embed/infer")
    _, dispatch = await served.dispatch({"inputs": [ids]}, head)
    assert dispatch.worst_case.prompt_tokens == 6


async def test_a_clock_that_is_set_back_while_a_body_arrives_stops_no_window(
    served: Served,
) -> None:
    served.books.clock = lambda: NOW + 3600
    request = await served.admit()
    served.books.clock = lambda: NOW
    served.ledger.step(-3600, NOW)

    await request.body(json.dumps(CHAT).encode())
    await served.leave(request)

    counter = Counter("principal:acme/ada", "requests", 60)
    assert await served.ledger.usage((counter,), NOW) == (1,)
    assert await served.ledger.usage((counter,), NOW + 62) == (0,)


async def test_behaviour_is_forgotten_after_its_minutes_whatever_the_wall_clock_shows(
    served: Served,
) -> None:
    await served.leave(await served.admit())
    served.books.clock = lambda: NOW - 3600
    await served.leave(await served.admit())

    behaviour, steady = served.books.behaviour, time.monotonic()
    assert behaviour.facts("acme/ada", steady).requests == 2
    assert behaviour.facts("acme/ada", steady + 11 * 60).requests == 0

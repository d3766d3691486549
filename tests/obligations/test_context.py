"""A chat that is too long loses its oldest turns, as few as will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from extauth.clients import parse_request, parse_target
from extauth.content.privacy import KeyedHash, Substitutes
from extauth.errors import InvalidRequest
from extauth.gateway.reading import drafted as draft_of
from extauth.gateway.reservation import demand
from extauth.obligations import Clamp, Context, Draft, Mask, check_context, enforce
from extauth.settings import Price
from extauth.types import Limit, RequestHead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extauth.content.privacy import Detector
    from extauth.tokens import LanguageModel
    from tests.gateway.served import Served

    Drafted = Callable[..., Draft]

DROP = Context("drop_oldest", room=16)
SYSTEM = {"role": "system", "content": "Be brief."}
LAST = {"role": "user", "content": "And now?"}


def said(role: str, words: int) -> dict[str, Any]:
    """A message of some length."""
    return {"role": role, "content": "word " * words}


def long(turns: int, words: int = 40) -> list[dict[str, Any]]:
    """A chat of turns of two messages each, and a question."""
    middle = [said(role, words) for _ in range(turns) for role in ("user", "assistant")]
    return [SYSTEM, *middle, LAST]


@pytest.fixture
def model(served: Served) -> LanguageModel:
    """The demo's, with 1,024 tokens of context."""
    return served.runtime.models["chat"]


@pytest.fixture
def drafted(model: LanguageModel) -> Drafted:
    """A chat as it is before anything was asked for."""

    def make(messages: Sequence[dict[str, Any]], **parameters: Any) -> Draft:
        path = "/v1/chat/completions"
        body = msgspec.json.encode({"model": "chat", "messages": messages, **parameters})
        head = RequestHead("r1", "POST", path, "", {}, "192.0.2.7")
        call = parse_request(parse_target("POST", path), head, body, depth=32).call
        made = draft_of(model, call, call.texts(), Substitutes(KeyedHash(bytes(32), "acme")))
        return replace(made, findings=[()] * len(made.texts))

    return make


def test_what_fits_is_left_alone(drafted: Drafted) -> None:
    draft = drafted(long(2), max_tokens=16)
    assert enforce((DROP,), draft) is draft


def test_the_oldest_turns_go_and_everything_counts_what_is_left(drafted: Drafted) -> None:
    draft = drafted(long(40), max_tokens=100)
    limit = Limit("tokens", "all", "tokens", 60, 10_000)
    done = enforce((limit, DROP), draft)
    check_context(done)
    assert done.longest <= 1024 - 100 < draft.longest
    assert done.counts == done.model.counts(done.prompts)
    assert demand(done, Price(), 60, ()).worst.prompt_tokens == done.prompt_tokens
    left = [message.content for message in done.call.messages]
    assert (left[0], left[-1]) == ("Be brief.", "And now?")
    assert len(left) == 2 + 2 * (40 - done.dropped)


def test_without_the_obligation_it_is_refused(drafted: Drafted) -> None:
    draft = drafted(long(40), max_tokens=100)
    for obligations in ((), (Context(),)):
        with pytest.raises(InvalidRequest) as raised:
            check_context(enforce(obligations, draft))
        assert raised.value.code == "context_length_exceeded"


def test_what_can_never_fit_is_refused(drafted: Drafted) -> None:
    draft = enforce((DROP,), drafted([*long(3)[:-1], said("user", 2000)], max_tokens=8))
    assert draft.dropped == 3
    with pytest.raises(InvalidRequest, match="maximum context length is 1024 tokens"):
        check_context(draft)


def test_a_tighter_bound_is_the_policys(drafted: Drafted) -> None:
    draft = drafted(long(10), max_tokens=8)
    bound = replace(DROP, max_prompt_tokens=200)
    assert enforce((bound,), draft).longest <= 200
    with pytest.raises(InvalidRequest, match="at most 200 are allowed"):
        enforce((bound,), drafted([said("user", 300)], max_tokens=8))
    with pytest.raises(InvalidRequest, match="at most 200 are allowed"):
        enforce((replace(bound, on_exceed="deny"),), draft)


def test_room_is_left_to_an_answer_without_a_length(drafted: Drafted) -> None:
    done = enforce((replace(DROP, room=300),), drafted(long(40)))
    assert 300 <= done.max_tokens == 1024 - done.longest
    clamped = enforce((replace(DROP, room=300), Clamp(50)), drafted(long(40)))
    assert clamped.max_tokens == 50
    assert clamped.dropped < done.dropped


def test_a_shorter_answer_leaves_room_for_more_turns(drafted: Drafted) -> None:
    draft = drafted(long(40), max_tokens=800)
    assert enforce((Clamp(10), DROP), draft).dropped < enforce((DROP,), draft).dropped


def test_what_was_found_in_a_turn_goes_with_it(drafted: Drafted, detector: Detector) -> None:
    old = {"role": "user", "content": "I am jane@example.com. " + "word " * 900}
    new = {"role": "user", "content": "Mail john@example.com."}
    draft = drafted([old, said("assistant", 5), new], max_tokens=100)
    draft = replace(draft, findings=[detector.detect(text) for text in draft.texts])
    done = enforce((DROP, Mask(("email",), "note")), draft)
    assert done.dropped == 1
    assert done.noted == {"email": 1}
    assert done.texts == ["Mail john@example.com."]
    masked = enforce((DROP, Mask(("email",))), draft)
    assert "john" not in masked.prompts[0]
    assert masked.counts == masked.model.counts(masked.prompts)


def test_only_a_chat_has_turns(served: Served, model: LanguageModel) -> None:
    path = "/v1/completions"
    body = msgspec.json.encode({"model": "chat", "prompt": "word " * 2000, "max_tokens": 8})
    head = RequestHead("r1", "POST", path, "", {}, "192.0.2.7")
    call = parse_request(parse_target("POST", path), head, body, depth=32).call
    draft = draft_of(model, call, call.texts(), Substitutes(KeyedHash(bytes(32), "acme")))
    draft = replace(draft, findings=[()] * len(draft.texts))
    with pytest.raises(InvalidRequest):
        check_context(enforce((DROP,), draft))


steps = st.sampled_from(["user", "assistant", "system", "call"])


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(steps, st.integers(0, 150)), max_size=25), st.integers(1, 900))
def test_it_fits_and_no_turn_less_would_do(
    drafted: Drafted, script: list[tuple[str, int]], max_tokens: int
) -> None:
    messages: list[dict[str, Any]] = []
    for at, (role, words) in enumerate(script):
        if role != "call":
            messages.append(said(role, words))
            continue
        call = {"id": f"c{at}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        messages.append({"role": "assistant", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{at}", "content": "word " * words})
    draft = drafted([*messages, LAST], max_tokens=max_tokens)
    done = enforce((DROP,), draft)
    assert done.dropped == (0 if draft.longest <= 1024 - max_tokens else done.dropped)
    if done.longest + max_tokens > 1024:
        assert all(turn is None for turn in done.call.turns())
    if done.dropped:
        more = draft.model.prompts(draft.call.without(done.dropped - 1))
        assert max(draft.model.counts(more)) + max_tokens > 1024
    assert done.call.messages[-1].content == LAST["content"]


def test_ten_thousand_turns_are_dropped(drafted: Drafted) -> None:
    # One by one, each counted again, would take hours, and a test has minutes.
    draft = drafted(long(10_000, words=6), max_tokens=16)
    assert enforce((DROP,), draft).longest <= 1024 - 16

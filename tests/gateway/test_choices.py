"""Reasoning, refusals, tool calls and log probabilities pass the same filters as the text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extauth.content.privacy import AnswerFilters, Detector, KeyedHash, Masker, Substitutes
from extauth.errors import ContentBlocked
from extauth.gateway.choices import ChoiceFilters
from extauth.obligations import AnswerGuard
from extauth.types import Delta
from extauth.types.answer import CalledTool, Details, TokenLogprob

if TYPE_CHECKING:
    from collections.abc import Iterable

CARD = "4111111111111111"
QUOTED = 'Jane "J" O\\Brien\n'
DETECTOR = Detector()


def masked(*texts: str) -> tuple[Masker, list[str]]:
    """A masker that has taken the e-mail addresses out of these texts, and what is left."""
    masker = Masker(texts, Substitutes(KeyedHash(bytes(32), "acme")))
    found = DETECTOR.detect_all(list(texts))
    left = [
        masker.mask(text, one, kinds={"email"}, treatment="placeholder").text
        for text, one in zip(texts, found, strict=True)
    ]
    return masker, left


def filters(
    masker: Masker, *guards: AnswerGuard, **treatments: Any
) -> tuple[ChoiceFilters, dict[str, int]]:
    found: dict[str, int] = {}
    return ChoiceFilters(AnswerFilters(DETECTOR, treatments, masker, found), guards), found


def given_by(choices: ChoiceFilters, deltas: Iterable[Delta]) -> dict[str, str]:
    """All that a stream said in the end, by the name of the text."""
    said = {"text": "", "reasoning": "", "refusal": "", "arguments": "", "name": ""}
    for delta in [*(choices.feed(delta) for delta in deltas), *choices.held()]:
        said["text"] += delta.text
        if delta.details is None:
            continue
        said["reasoning"] += delta.details.reasoning
        said["refusal"] += delta.details.refusal
        for call in delta.details.tool_calls:
            said["arguments"] += call.arguments
            said["name"] += call.name or ""
    return said


def pieces(name: str, text: str, size: int) -> list[Delta]:
    """A text of a choice, cut into pieces."""
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    match name:
        case "text":
            return [Delta(0, piece) for piece in cut]
        case "arguments":
            calls = [CalledTool(0, piece) for piece in cut]
            return [Delta(0, details=Details(tool_calls=(call,))) for call in calls]
        case _:
            return [Delta(0, details=replace(Details(), **{name: piece})) for piece in cut]


@pytest.mark.parametrize("name", ["text", "reasoning", "refusal", "arguments"])
@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("ends", [True, False])
def test_every_text_is_treated_and_restored(name: str, size: int, ends: bool) -> None:
    masker, (placeholder,) = masked("jane@example.com")
    choices, found = filters(masker, card="redact")
    deltas = pieces(name, f"Write {placeholder} of {CARD}.", size)
    said = given_by(choices, [*deltas, *([Delta(0, "", "stop")] if ends else [])])
    assert said[name] == "Write jane@example.com of [CARD]."
    assert found == {"card": 1}


@given(st.integers(1, 40))
def test_what_goes_back_into_arguments_is_json(size: int) -> None:
    masker, _ = masked("a")
    placeholder = masker._substitute("person", QUOTED, "placeholder")
    choices, _ = filters(masker)
    arguments = json.dumps({"who": placeholder})
    said = given_by(choices, pieces("arguments", arguments, size))
    assert json.loads(said["arguments"]) == {"who": QUOTED}


def test_a_whole_answer_is_treated_alike() -> None:
    masker, (placeholder,) = masked("jane@example.com")
    choices, _ = filters(masker, card="redact")
    text = f"Write {placeholder} of {CARD}."
    calls = (CalledTool(0, f'{{"to": "{text}"}}', "id", "mail"),)
    (given,) = choices.whole([Delta(0, text, "stop", details=Details(text, text, calls))])
    told = "Write jane@example.com of [CARD]."
    assert given.text == told
    assert given.details == Details(
        told, told, (CalledTool(0, f'{{"to": "{told}"}}', "id", "mail"),)
    )


def test_calls_side_by_side_are_kept_apart() -> None:
    masker, (placeholder,) = masked("jane@example.com")
    choices, _ = filters(masker)
    half = len(placeholder) // 2
    deltas = [
        Delta(0, details=Details(tool_calls=(CalledTool(index, part),)))
        for part in (placeholder[:half], placeholder[half:])
        for index in (0, 1)
    ]
    said: dict[int, str] = {0: "", 1: ""}
    for delta in [*(choices.feed(delta) for delta in deltas), *choices.held()]:
        for call in delta.details.tool_calls if delta.details else ():
            said[call.index] += call.arguments
    assert said == {0: "jane@example.com", 1: "jane@example.com"}


def test_reasoning_ends_where_the_answer_begins() -> None:
    masker, _ = masked("jane@example.com")
    choices, _ = filters(masker)
    held = choices.feed(Delta(0, details=Details(reasoning="I think [EMAIL_")))
    begun = choices.feed(Delta(0, "So"))
    assert held.details is not None
    assert begun.details is not None
    assert held.details.reasoning + begun.details.reasoning == "I think [EMAIL_"


@pytest.mark.parametrize("name", ["reasoning", "refusal", "arguments"])
def test_what_is_blocked_is_blocked_everywhere(name: str) -> None:
    masker, _ = masked("a")
    choices, _ = filters(masker, card="block")
    with pytest.raises(ContentBlocked):
        given_by(choices, [*pieces(name, f"It is {CARD}.", 5), Delta(0, "", "stop")])


def test_links_are_looked_at_everywhere() -> None:
    masker, _ = masked("a")
    guard = AnswerGuard(links="strip", allowed_domains=("example.com",))
    choices, _ = filters(masker, guard)
    said = given_by(choices, pieces("reasoning", "![x](https://evil.test/?q=secret)", 4))
    assert "evil" not in said["reasoning"]


def spelled(*tokens: str) -> list[Delta]:
    """A stream with a log probability a token."""
    return [Delta(0, one, details=Details(logprobs=(TokenLogprob(one, -0.5),))) for one in tokens]


def told(choices: ChoiceFilters, deltas: Iterable[Delta]) -> str:
    """What the log probabilities that were told spell."""
    passed = [choices.feed(delta) for delta in deltas]
    return "".join(
        token.token for delta in passed if delta.details for token in delta.details.logprobs
    )


def test_log_probabilities_do_not_spell_what_was_removed() -> None:
    masker, _ = masked("a")
    choices, _ = filters(masker, card="redact")
    said = told(
        choices, [*spelled("It ", "is ", CARD[:8], CARD[8:], " here"), Delta(0, "", "stop")]
    )
    assert "4111" not in said
    assert "here" not in said


def test_log_probabilities_wait_for_their_text() -> None:
    masker, _ = masked("a")
    choices, _ = filters(masker, card="redact")
    assert told(choices, [*spelled("It ", "is ", "4111", " days."), Delta(0, "", "stop")]) == (
        "It is 4111 days."
    )


def test_log_probabilities_go_along_with_their_text() -> None:
    masker, _ = masked("a")
    choices, _ = filters(masker, card="redact")
    words = [" Every ", "request ", "is ", "answered ", "in ", "due ", "time", "."]
    deltas = spelled(*words)
    deltas[0] = replace(deltas[0], text="Every ")
    given = [choices.feed(delta) for delta in [*deltas, Delta(0, "", "stop")]]
    spoken = ""
    for delta in given:
        spoken += delta.text
        tokens = delta.details.logprobs if delta.details else ()
        assert "".join(token.token for token in tokens).lstrip() in spoken
    assert sum(bool(delta.details) for delta in given) > 3


def test_log_probabilities_that_spell_something_else_are_left_out() -> None:
    masker, _ = masked("a")
    choices, _ = filters(masker, card="redact")
    odd = Delta(0, "Hello", details=Details(logprobs=(TokenLogprob(CARD, -0.5),)))
    assert told(choices, [odd, Delta(0, "", "stop")]) == ""


def test_without_filters_everything_passes_as_it_is() -> None:
    masker, _ = masked("a")
    choices, _ = filters(masker)
    delta = Delta(0, "a", details=Details("r", logprobs=(TokenLogprob(" a", -0.5),)))
    assert choices.feed(delta) is delta
    assert choices.whole([delta]) == [delta]


@pytest.mark.parametrize(
    ("lists", "goes"),
    [
        ([], False),
        ([()], False),
        ([("corp.test",)], True),
        ([("corp.test",), ()], True),
        ([("corp.test",), ("other.test",)], False),
    ],
)
@pytest.mark.parametrize("name", ["text", "reasoning", "arguments"])
def test_originals_go_to_allowed_domains_alone(
    lists: list[tuple[str, ...]], name: str, *, goes: bool
) -> None:
    masker, (placeholder,) = masked("jane@example.com")
    guards = [AnswerGuard(links="strip", allowed_domains=one) for one in lists]
    choices, _ = filters(masker, *guards)
    said = given_by(choices, pieces(name, f"https://corp.test/{placeholder} {placeholder}", 3))
    assert ("corp.test/jane@example.com" in said[name]) is goes
    assert said[name].endswith(" jane@example.com")

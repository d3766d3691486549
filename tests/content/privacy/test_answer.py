"""The answer as the client reads it: scanned, treated, placeholders restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.privacy import (
    KINDS,
    AnswerFilters,
    Detector,
    KeyedHash,
    Masker,
    Substitutes,
)
from extauth.errors import ContentBlocked
from tests.content.privacy.planted import PLANTED, cut, every, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from extauth.obligations import Treatment

DETECTOR = Detector()
CARD = "4111 1111 1111 1111"
MAIL = "jane.roe@example.com"
MINE = "me@example.org, 5555 5555 5555 4444"
REDACT: dict[str, Treatment] = dict.fromkeys(KINDS, "redact")


def masked() -> tuple[Masker, str]:
    """Return the masker of a request that contains `MINE`, and the text that the model saw."""
    masker = Masker([MINE], Substitutes(KeyedHash(bytes(32), "acme")))
    text = masker.mask(MINE, DETECTOR.detect(MINE), kinds=KINDS, treatment="placeholder").text
    return masker, text


MASKER, SEEN = masked()


class Answer:
    """An answer in pieces, under a policy."""

    def __init__(self, treatments: Mapping[str, Treatment], masker: Masker = MASKER) -> None:
        self.found: dict[str, int] = {}
        self.filters = AnswerFilters(DETECTOR, treatments, masker, self.found)

    def read(self, pieces: Iterable[str]) -> str:
        """Return the text that the client reads."""
        choice = self.filters.filter()
        return "".join(map(choice.feed, pieces)) + choice.finish() + choice.finish()


def test_what_the_model_says_is_redacted_and_what_the_client_said_is_put_back() -> None:
    answer = Answer({"card": "redact", "email": "redact"})
    said = f"You are {SEEN}; the other one is {MAIL} with {CARD}, **{SEEN}**."
    read = f"You are {MINE}; the other one is [EMAIL] with [CARD], **{MINE}**."
    assert answer.read([said]) == read
    assert answer.read(said) == read
    assert answer.found == {"card": 2, "email": 2}


def test_only_kinds_that_the_policy_names_are_treated() -> None:
    answer = Answer({"email": "redact"})
    assert answer.read([f"{MAIL} {CARD}"]) == f"[EMAIL] {CARD}"
    assert answer.found == {"email": 1}


def test_what_is_noted_is_left_and_counted() -> None:
    answer = Answer({"email": "note", "card": "redact"})
    assert answer.read(every(f"{MAIL} {CARD}", 3)) == f"{MAIL} [CARD]"
    assert answer.filters.noted == {"email": 1}
    assert answer.found == {"email": 1, "card": 1}


def test_a_noted_finding_covers_up_no_other() -> None:
    said = "Mail 4111111111111111@example.com now."
    assert {finding.kind for finding in DETECTOR.detect(said)} >= {"email", "card"}
    assert "4111" not in Answer({"email": "note", "card": "redact"}).read([said])


def test_hashes_and_stand_ins_are_those_of_the_request() -> None:
    substitutes = MASKER.substitutes
    hashed = substitutes.substitute("email", MAIL, "hash")
    stand_in = substitutes.substitute("card", CARD, "stand_in")
    answer = Answer({"email": "hash", "card": "stand_in"})
    assert answer.read(f"{MAIL} has {CARD}.") == f"{hashed} has {stand_in}."
    assert CARD not in stand_in


@pytest.mark.parametrize("size", [1, 5, 200])
def test_what_is_blocked_ends_the_answer(size: int) -> None:
    answer = Answer({"secret": "block", "card": "redact"})
    choice = answer.filters.filter()
    said = every(f"The card is {CARD}, the key is ghp_{'a1B2' * 9} and more.", size)
    read: list[str] = []
    with pytest.raises(ContentBlocked) as raised:
        read.extend(map(choice.feed, said))
    assert "ghp" not in "".join(read)
    assert (raised.value.status, raised.value.code) == (403, "content_blocked")
    assert "secret" in raised.value.told
    assert "a1B2" not in str(raised.value)
    assert answer.found["secret"] == 1


def test_without_a_policy_for_answers_only_placeholders_are_looked_for() -> None:
    answer = Answer({})
    choice = answer.filters.filter()
    assert choice.feed(f"{CARD} of [ema") == f"{CARD} of "
    assert choice.feed("x]") == "[emax]"
    assert answer.read([f"{CARD} {SEEN}"]) == f"{CARD} {MINE}"
    assert answer.found == {}


def test_a_client_that_sent_nothing_under_no_policy_is_answered_as_it_is() -> None:
    nothing = Masker([], Substitutes(KeyedHash(bytes(32), "acme")))
    assert Answer({}, nothing).filters.idle
    assert not Answer({"card": "note"}, nothing).filters.idle
    assert not Answer({}).filters.idle


def spelled(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from(
        [text, text.lower(), text.replace("_", r"\_"), text.strip("[]"), f"**{text}**", text[:-2]]
    )


answers = st.lists(st.one_of(texts(), *map(spelled, SEEN.split(", "))), max_size=5).map(" ".join)


@given(cut(answers))
def test_cutting_changes_nothing(pieces: list[str]) -> None:
    whole, streamed = Answer(REDACT), Answer(REDACT)
    assert streamed.read(pieces) == whole.read(["".join(pieces)])
    assert streamed.found == whole.found


@pytest.mark.parametrize("kind", PLANTED)
def test_nothing_that_was_found_is_read(kind: str) -> None:
    for planted in PLANTED[kind]:
        said = f"I remember {planted} from the training data."
        read = Answer(REDACT).read(said)
        for finding in DETECTOR.detect(said):
            assert said[finding.start : finding.end] not in read

"""Masking hides exactly the chosen findings, and only the request can undo it."""

import json
import re
from itertools import chain, product
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.privacy import (
    KINDS,
    Detector,
    Finding,
    KeyedHash,
    Masker,
    StreamRestorer,
    Substitutes,
)

HASHING = KeyedHash(bytes(32), "acme")
DETECTOR = Detector(regions=("US", "DE"))
Replacing = Literal["placeholder", "redact", "hash", "stand_in"]
PROMPT = "Mail bob@example.com or eve@example.com from 10.1.2.3; again bob@example.com."


def masked(text: str, kinds: set[str], treatment: Replacing = "placeholder") -> tuple[str, Masker]:
    masker = Masker([text], Substitutes(HASHING))
    result = masker.mask(
        text,
        DETECTOR.detect(text),
        kinds=kinds,
        treatment=treatment,
    )
    return result.text, masker


def whole(restorer: StreamRestorer, text: str) -> str:
    return restorer.feed(text) + restorer.finish()


def test_placeholders_stand_for_kind_number_and_request() -> None:
    text, masker = masked(PROMPT, {"email", "ip"})
    match = re.fullmatch(
        r"Mail \[EMAIL_1_(\w{4})\] or \[EMAIL_2_\1\] from \[IP_3_\1\]; again \[EMAIL_1_\1\]\.", text
    )
    assert match, text
    assert text.isascii()
    assert not masker.empty
    assert masker.restore(text) == PROMPT


def test_only_chosen_kinds_are_masked() -> None:
    text, _ = masked(PROMPT, {"ip"})
    assert text.startswith("Mail bob@example.com or eve@example.com from [IP_1_")


def test_redacted_is_gone() -> None:
    text, masker = masked(PROMPT, {"email"}, "redact")
    assert text == "Mail [EMAIL] or [EMAIL] from 10.1.2.3; again [EMAIL]."
    assert masker.empty
    assert masker.restore(text) == text


def test_nothing_to_mask_leaves_everything_as_it_is() -> None:
    text, masker = masked(PROMPT, {"card"})
    assert text == PROMPT
    assert masker.empty


@pytest.mark.parametrize("treatment", ["placeholder", "redact", "hash", "stand_in"])
def test_json_stays_json(treatment: Replacing) -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
    value = {"to": ["a\tjane@example.com", 'say "hi" to\nbob@example.com'], "key": pem}
    text = json.dumps({"arguments": json.dumps(value)})
    result, masker = masked(text, {"email", "secret"}, treatment)
    read = json.loads(json.loads(result)["arguments"])
    assert "example.com" not in result.replace("@example.", "@") or treatment == "stand_in"
    assert "MIIEvQ" not in result
    assert read["to"][0].startswith("a\t")
    assert read["to"][1].startswith('say "hi" to\n')
    if treatment == "placeholder":
        assert masker.restore(result) == text


def test_one_placeholder_an_original_over_all_texts_of_a_request() -> None:
    texts = ["I am bob@example.com", "Who is bob@example.com?"]
    masker = Masker(texts, Substitutes(HASHING))
    first, second = (
        masker.mask(t, DETECTOR.detect(t), kinds=KINDS, treatment="placeholder").text for t in texts
    )
    assert first.split()[-1] == second.split()[-1].rstrip("?")


def test_two_requests_share_no_placeholder() -> None:
    assert len({masked(PROMPT, {"email"})[0] for _ in range(20)}) > 1


def test_a_request_cannot_restore_another_ones_placeholders() -> None:
    text, _ = masked(PROMPT, {"email"})
    other = masked("other@example.com", {"email"})[1]
    assert other.restore(text) == text


def test_a_prompt_that_holds_every_short_nonce_does_not_collide() -> None:
    letters = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
    every = " ".join(chain.from_iterable(product(letters, repeat=4)))
    text = f"{every} bob@example.com"
    masker = Masker([text], Substitutes(HASHING))
    result = masker.mask(
        text,
        [Finding("email", len(text) - 15, len(text), "email")],
        kinds={"email"},
        treatment="placeholder",
    )
    assert re.search(r"\[EMAIL_1_\w{5,}\]$", result.text)
    assert masker.restore(result.text) == text


def test_a_finding_inside_another_of_an_unchosen_kind_is_masked_all_the_same() -> None:
    text, masker = masked("to 4111111111111111@example.com", {"card"})
    assert re.fullmatch(r"to \[CARD_1_\w+\]@example\.com", text)
    assert masker.restore(text) == "to 4111111111111111@example.com"


def test_a_span_masked_twice_comes_back_in_one_go() -> None:
    text = "to 4111111111111111@example.com"
    masker = Masker([text], Substitutes(HASHING))
    first = masker.mask(text, DETECTOR.detect(text), kinds={"card"}, treatment="placeholder")
    second = masker.mask(first.text, first.remaining, kinds={"email"}, treatment="placeholder")
    assert re.fullmatch(r"to \[EMAIL_2_\w+\]", second.text)
    assert masker.restore(second.text) == text


def test_a_restorer_knows_all_that_was_masked_before_it() -> None:
    text = "bob@example.com 10.1.2.3"
    masker = Masker([text], Substitutes(HASHING))
    first = masker.mask(text, DETECTOR.detect(text), kinds={"email"}, treatment="placeholder")
    assert whole(masker.restorer(), first.text) == text
    second = masker.mask(first.text, first.remaining, kinds={"ip"}, treatment="placeholder")
    assert whole(masker.restorer(), second.text) == text


def test_a_finding_of_which_nothing_is_left_is_gone() -> None:
    findings = [Finding("ip", 0, 4, "ip"), Finding("ip", 4, 8, "ip"), Finding("secret", 2, 6, "s")]
    result = Masker(["abcdefgh"], Substitutes(HASHING)).mask(
        "abcdefgh", findings, kinds={"ip"}, treatment="redact"
    )
    assert result.text == "[IP][IP]"
    assert result.remaining == ()


@pytest.mark.parametrize(
    ("masked_span", "other", "left"),
    [
        ((4, 8), (0, 2), "ab"),
        ((4, 8), (9, 12), "jkl"),
        ((4, 8), (8, 10), "ij"),
        ((4, 8), (2, 12), "cd[IP]ijkl"),
        ((4, 8), (2, 8), "cd[IP]"),
        ((4, 8), (4, 9), "[IP]i"),
        ((4, 8), (2, 6), "cd"),
        ((4, 8), (6, 10), "ij"),
        ((4, 8), (4, 8), None),
        ((4, 8), (5, 7), None),
    ],
)
def test_remaining_findings_move_with_the_text(
    masked_span: tuple[int, int], other: tuple[int, int], left: str | None
) -> None:
    text = "abcdefghijklmnop"
    findings = [Finding("ip", *masked_span, "ip"), Finding("secret", *other, "secret")]
    result = Masker([text], Substitutes(HASHING)).mask(
        text, findings, kinds={"ip"}, treatment="redact"
    )
    assert result.text == "abcd[IP]ijklmnop"
    assert [result.text[f.start : f.end] for f in result.remaining] == ([left] if left else [])


def test_originals_appear_in_no_repr() -> None:
    _, masker = masked(PROMPT, {"email"})
    result = Masker([PROMPT], Substitutes(HASHING)).mask(
        PROMPT, [], kinds=set(), treatment="redact"
    )
    for shown in (masker, masker.restorer(), result):
        assert "@" not in repr(shown)


SENSITIVE = st.sampled_from(
    [
        *("bob@example.com", "4111 1111 1111 1111", "+1 415 555 2671", "DE89370400440532013000"),
        *("10.1.2.3", "password=hunter[2]x", "4111111111111111@example.com", "b\u200bo@exa.com"),
        *(
            "postgres://u:p4ss@db.example.com/x",
            'token: "[EMAIL_1_abcd]"',
            "token=4111111111111111",
        ),
    ]
)
BRACKETS = st.sampled_from(["[", "]", "[EMAIL_1_", "_", "[IP]", "\\", " ", "[[", "]]", "\n"])
PIECES = st.one_of(SENSITIVE, BRACKETS, st.text(st.characters(exclude_characters="\0"), max_size=6))
TEXTS = st.lists(PIECES, max_size=10).map(" ".join)
OBLIGATIONS = st.lists(st.sets(st.sampled_from(KINDS)), min_size=1, max_size=3)


@given(st.lists(TEXTS, min_size=1, max_size=3), OBLIGATIONS)
def test_masking_and_restoring_is_the_identity(
    texts: list[str], obligations: list[set[str]]
) -> None:
    masker = Masker(texts, Substitutes(HASHING))
    for text in texts:
        current, findings = text, DETECTOR.detect(text)
        for kinds in obligations:
            result = masker.mask(current, findings, kinds=kinds, treatment="placeholder")
            assert [f for f in result.remaining if f.kind in kinds] == []
            assert all(0 <= f.start < f.end <= len(result.text) for f in result.remaining)
            current, findings = result.text, result.remaining
        assert masker.restore(current) == text


@given(TEXTS, st.sets(st.sampled_from(KINDS)), st.sampled_from(["placeholder", "redact", "hash"]))
def test_no_character_of_a_chosen_finding_stays(
    text: str, kinds: set[str], treatment: Replacing
) -> None:
    findings = [f for f in DETECTOR.detect(text) if f.kind in kinds]
    hidden = {at for f in findings for at in range(f.start, f.end)}
    marked = "".join("\0" if at in hidden else char for at, char in enumerate(text))
    visible = [re.escape(piece) for piece in re.split("\0+", marked)]
    result = Masker([text], Substitutes(HASHING)).mask(
        text, findings, kinds=kinds, treatment=treatment
    )
    assert re.fullmatch(r"(?:\[[A-Z_]+(?:_\d+_\w+|:[0-9a-f]{16})?\])+".join(visible), result.text)


@given(TEXTS, TEXTS)
def test_answers_get_nothing_that_this_request_did_not_mask(prompt: str, answer: str) -> None:
    masker = Masker([prompt, answer], Substitutes(HASHING))
    result = masker.mask(prompt, DETECTOR.detect(prompt), kinds=KINDS, treatment="placeholder")
    assert masker.restore(answer) == answer
    assert masker.restore(answer + result.text) == answer + prompt

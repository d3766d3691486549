"""Every kind is found in texts as people write them, and nothing else is."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from bench.detection import Scores, as_text, scores
from extauth.content.privacy import KINDS, Finding
from tests.content.privacy.labelled import Label, Labelled, labelled

BUILT_IN = tuple(kind for kind in KINDS if kind not in ("person", "location"))
CONTEXTUAL = {"address": 0.9, "birth_date": 0.9}
FORMAT = 0.95


@cache
def scored() -> Scores:
    return scores(labelled())


def test_the_set_is_large_mixed_and_half_of_it_has_nothing_to_find() -> None:
    texts = labelled()
    languages = Counter(text.language for text in texts)
    assert len(texts) >= 1500
    assert len({text.parts for text in texts}) >= 0.97 * len(texts)
    assert sum(count >= 20 for count in languages.values()) >= 10
    assert sum(not text.labels for text in texts) >= len(texts) / 2
    assert any(len(text.parts) > 1 for text in texts)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_kind_is_well_represented(kind: str) -> None:
    assert sum(label.kind == kind for text in labelled() for label in text.labels) >= 25


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_kind_is_found_and_little_else(kind: str) -> None:
    faults = [
        fault for fault in scored().faults if fault.startswith((f"missed {kind}", f"no {kind}"))
    ]
    assert scored().kinds[kind].f1 >= CONTEXTUAL.get(kind, FORMAT), faults


def test_the_table_has_a_row_a_kind() -> None:
    rows = as_text(scored(), labelled()).splitlines()
    assert [row.split()[1] for row in rows[4:]] == list(BUILT_IN)


TEXT = Labelled("en", "here", ("card 4111", "1111 and more"), (Label("card", 5, 13),))


@pytest.mark.parametrize(
    ("found", "right", "wrong", "missed"),
    [
        ([[Finding("card", 5, 9, "x")], [Finding("card", 0, 4, "x")]], 1, 0, 0),
        ([[Finding("card", 5, 9, "x")], []], 1, 0, 0),
        ([[Finding("card", 5, 8, "x")], []], 0, 1, 1),
        ([[Finding("iban", 5, 9, "x")], [Finding("iban", 0, 4, "x")]], 0, 0, 1),
        ([[], []], 0, 0, 1),
        ([[], [Finding("card", 9, 13, "x")]], 0, 1, 1),
    ],
    ids=["both parts", "half", "less than half", "another kind", "nothing", "elsewhere"],
)
def test_a_finding_is_right_if_it_shares_half_of_the_characters(
    found: list[list[Finding]], right: int, wrong: int, missed: int
) -> None:
    score = scores([TEXT], lambda _: [tuple(part) for part in found]).kinds["card"]
    assert (score.right, score.wrong, score.missed) == (right, wrong, missed)

"""Attacks are distinguished from ordinary prompts at the score from which policies deny."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from extauth.content.guard import Guard
from extauth.storage.resources import policies

CORPUS = Path(__file__).parent / "corpus"
ATTACKS: dict[str, list[str]] = yaml.safe_load((CORPUS / "attacks.yaml").read_text())
BENIGN: dict[str, list[str]] = yaml.safe_load((CORPUS / "benign.yaml").read_text())
SHIPPED: float = yaml.safe_load((policies() / "data/guard.yaml").read_text())["guard"]["score"]

GUARD = Guard()


def denied(prompts: list[str]) -> list[str]:
    return [prompt for prompt in prompts if GUARD.facts([prompt], ["user"]).score >= SHIPPED]


def joined(corpus: dict[str, list[str]]) -> list[str]:
    return [prompt for prompts in corpus.values() for prompt in prompts]


def test_the_corpus_is_large_enough() -> None:
    assert len(set(joined(ATTACKS))) >= 120
    assert len(set(joined(BENIGN))) >= 250
    assert len(ATTACKS) >= 7


def test_nine_attacks_in_ten_are_found() -> None:
    attacks = joined(ATTACKS)
    found = denied(attacks)
    assert len(found) >= 0.9 * len(attacks), sorted(set(attacks) - set(found))


@pytest.mark.parametrize("language", ATTACKS)
def test_and_most_of_every_language(language: str) -> None:
    assert len(denied(ATTACKS[language])) >= 0.75 * len(ATTACKS[language])


def test_two_ordinary_prompts_in_a_hundred_are_taken_for_one() -> None:
    benign = joined(BENIGN)
    taken = denied(benign)
    assert len(taken) <= 0.02 * len(benign), taken

"""Which words name somebody, and how neighbours become one name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sluice_triton.tagger import Tagger
from sluice_triton.words import features, shape, words

from tests.triton.conftest import TRITON

pytestmark = pytest.mark.slow

TAGGER = Tagger(TRITON / "models/names/1/weights.npz")


def names(text: str) -> list[str]:
    return [text[span.start : span.end] for span in TAGGER.tag(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("My name is Desmond K. Achebe.", ["Desmond K. Achebe"]),
        ("My name is Anne-Marie O'Brien and I live here.", ["Anne-Marie O'Brien"]),
        ("I met Oliver. Grace left.", ["Oliver", "Grace"]),
        ("", []),
        ("…", []),
        ("12 34", []),
    ],
)
def test_neighbours_become_one_name(text: str, found: list[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    ("word", "form"),
    [("Jane", "Xx"), ("J", "X"), ("USA", "XX"), ("jane", "x"), ("42", "9"), (",", ","), ("é", "x")],
)
def test_shapes(word: str, form: str) -> None:
    assert shape(word) == form


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_spans_are_in_the_text_and_apart(text: str) -> None:
    last = 0
    for span in TAGGER.tag(text):
        assert last <= span.start < span.end <= len(text)
        assert 0 <= span.score <= 1
        last = span.end


@given(st.text(max_size=200))
def test_words_stand_where_they_say(text: str) -> None:
    sequence = words(text)
    assert all(text[word.start :].startswith(word) for word in sequence)
    assert len(features(sequence)) == len(sequence)

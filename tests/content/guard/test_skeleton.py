"""Skeletons of texts and patterns, whatever they are written with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.guard.skeleton import pattern_skeleton, skeleton


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("Hello, World", "hello, world"),
        ("Größe élan", "grosse elan"),
        ("\u0440\u0430\u0443\u0440\u0430l", "paypal"),
        ("\U0001d422\U0001d420\U0001d427\U0001d428\U0001d42b\U0001d41e", "ignore"),
        ("\u24d8\u24d6\u24dd", "ign"),
        ("\U0001f178\U0001f176\U0001f17d \U0001f158\U0001f156", "ign ig"),
        ("\U0001f1ee\U0001f1ec\U0001f1ff", "igz"),
        ("i\u200bg\u00adn\u2060o", "igno"),
        ("\U000e0049\U000e0067", "ig"),
        ("a\u3000b\u2003c", "a b c"),
        ("\u201cquoted\u201d", '"quoted"'),
        ("忽略。", "忽略."),
        ("\u0661\u0662", "12"),
        ("go\U0001f525on", "go on"),
        ("\ud800", " "),
    ],
)
def test_a_text_reads(text: str, reads: str) -> None:
    assert skeleton(text).decode() == reads


def test_a_pattern_reads_as_texts_do() -> None:
    assert pattern_skeleton("Привет") == skeleton("Привет").decode()
    assert pattern_skeleton(r"\W[^a]{2}") == r"\W[^a]{2}"


@given(st.text())
def test_any_text_reads_somehow_and_the_same_within_another(text: str) -> None:
    reads = skeleton(text)
    assert reads.decode() == reads.decode().lower() or not text.isascii()
    # Sparse and dense texts take different ways.
    assert skeleton(text + "x" * 400) == reads + b"x" * 400

"""A text as words with their places, and what each looks like among its neighbours."""

from __future__ import annotations

import re
from collections.abc import Sequence

_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_EDGE = "\x02"


class Word(str):
    """A word and where it begins, in code points."""

    __slots__ = ("start",)
    start: int


def words(text: str) -> list[Word]:
    """Runs of letters, runs of digits, and single other characters."""
    found = []
    for match in _WORD.finditer(text):
        word = Word(match[0])
        word.start = match.start()
        found.append(word)
    return found


def shape(word: str) -> str:
    """`Xx` for a capitalised word, `X` for one letter, `XX` for capitals, `x`, `9`, or the mark."""
    if word.isdigit():
        return "9"
    if not word[0].isalpha():
        return word
    if word[0].isupper():
        return "X" if len(word) == 1 else "XX" if word.isupper() else "Xx"
    return "x"


def features(sequence: Sequence[str]) -> list[list[str]]:
    """The features of each word."""
    lower = [_EDGE, _EDGE, *(word.lower() for word in sequence), _EDGE, _EDGE]
    shapes = [_EDGE, _EDGE, *map(shape, sequence), _EDGE, _EDGE]
    return [_of(lower, shapes, place) for place in range(2, len(sequence) + 2)]


def _of(lower: Sequence[str], shapes: Sequence[str], place: int) -> list[str]:
    word, before, after = lower[place], lower[place - 1], lower[place + 1]
    form, left, right = shapes[place], shapes[place - 1], shapes[place + 1]
    capital = form in {"X", "Xx", "XX"}
    return [
        "bias",
        f"w={word}",
        f"s={form}",
        f"w={word}|{form}",
        f"p={word[:3]}|{capital}",
        f"e={word[-3:]}|{capital}",
        f"e={word[-2:]}|{capital}",
        f"b={before}|{form}",
        f"a={after}|{form}",
        f"bb={lower[place - 2]}|{before}|{form}",
        f"aa={after}|{lower[place + 2]}|{form}",
        f"b2={lower[place - 2]}|{left}|{form}",
        f"a2={lower[place + 2]}|{right}|{form}",
        f"ba={before}|{after}|{form}",
        f"sss={left}|{form}|{right}",
        f"ssss={shapes[place - 2]}|{left}|{form}|{right}",
        f"bs={before}|{left}|{capital}",
        f"lw={left}|{word}",
    ]

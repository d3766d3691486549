"""Which words of a text name a person or a place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sluice_triton.hashing import LinearModel, slots
from sluice_triton.words import Word, features, words

OUTSIDE = "O"
_HYPHENS = frozenset("-'\u2019")
"""What stands inside a name, such as Saint-Étienne or O'Brien."""

_CHUNK = 4096
"""Words that are looked at together, so that memory stays bounded."""


class Span(NamedTuple):
    """A name: half-open offsets in code points, and how sure it is."""

    label: str
    start: int
    end: int
    score: float


class Tagger:
    """Labels each word, and joins neighbours of one label to spans."""

    def __init__(self, path: Path) -> None:
        self._model = LinearModel(path)

    def tag(self, text: str) -> list[Span]:
        """All names, by start."""
        sequence = words(text)
        found: list[Span] = []
        for first in range(0, len(sequence), _CHUNK):
            found += self._spans(sequence[first : first + _CHUNK])
        return found

    def _spans(self, sequence: list[Word]) -> Iterator[Span]:
        rows = [slots(each, self._model.size) for each in features(sequence)]
        shares = self._model.probabilities(rows)
        labels = [self._model.labels[best] for best in shares.argmax(axis=1)]
        scores = shares.max(axis=1)
        place = 0
        while place < len(sequence):
            label, last = labels[place], place
            if label == OUTSIDE or not sequence[place].isalpha():
                place += 1
                continue
            while (following := _next(sequence, labels, last)) is not None:
                last = following
            yield Span(
                label,
                sequence[place].start,
                sequence[last].start + len(sequence[last]),
                round(float(scores[place : last + 1].mean()), 4),
            )
            place = last + 1


def _next(sequence: list[Word], labels: list[str], place: int) -> int | None:
    """The place of the word that goes on with the name that the word at `place` is part of."""
    following = sequence[place + 1 : place + 3]
    if following and following[0].isalpha():
        return place + 1 if labels[place + 1] == labels[place] else None
    if len(following) < 2 or following[0].start != sequence[place].start + len(sequence[place]):
        return None
    mark, word = following
    if mark in _HYPHENS and word.start == mark.start + 1 and word[0].isupper():
        # Half of Anne-Marie is nobody, whatever the model takes the other half for.
        return place + 2
    initial = mark == "." and len(sequence[place]) == 1
    return place + 2 if initial and labels[place + 2] == labels[place] else None

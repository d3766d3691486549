"""How much a text reads like an injection, by its runs of characters."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sluice_triton.hashing import Floats, LinearModel, slots

_SPACES = re.compile(r"\W+")
_LENGTHS = (3, 4, 5)
WINDOW = 200
"""Characters that are scored together: a sentence counts, however long the text around it."""


def windows(text: str) -> list[str]:
    """The text in lower case, its words one space apart, in pieces that overlap by half."""
    plain = f" {_SPACES.sub(' ', text.lower()).strip()} "
    return [plain[start : start + WINDOW] for start in range(0, max(len(plain), 1), WINDOW // 2)]


def grams(window: str) -> list[str]:
    """Its runs of 3 to 5 characters, and one feature that every text has."""
    return ["bias"] + [
        window[start : start + length]
        for length in _LENGTHS
        for start in range(len(window) - length + 1)
    ]


class Scorer:
    """The shares of all labels."""

    def __init__(self, path: Path) -> None:
        self._model = LinearModel(path)
        self.labels = self._model.labels

    def score(self, text: str) -> Floats:
        """[k], of the piece of the text that is least like the first label."""
        rows = [slots(grams(window), self._model.size) for window in windows(text)]
        shares = self._model.probabilities(rows)
        worst: Floats = shares[np.argmin(shares[:, 0])]
        return worst

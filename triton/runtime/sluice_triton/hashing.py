"""A linear model over hashed features: small, fast, and the same in training and in service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def slots(features: Sequence[str], size: int) -> list[int]:
    """The row of each feature in a table of `size` rows, a power of two."""
    mask = size - 1
    return [crc32(feature.encode()) & mask for feature in features]


def softmax(scores: Floats) -> Floats:
    """Probabilities [n, k] of scores [n, k]."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


class LinearModel:
    """Weights [size, k] as int8, one scale a label."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as stored:
            self.labels = tuple(str(label) for label in stored["labels"])
            self._weights = stored["weights"].astype(np.float32) * stored["scales"]
        self.size = len(self._weights)

    def probabilities(self, rows: Sequence[Sequence[int]]) -> Floats:
        """[n, k] for n lists of slots; none of them is empty."""
        return softmax(np.stack([self._weights[row].sum(axis=0) for row in rows]))

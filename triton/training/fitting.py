"""Logistic regression over hashed features, by Adagrad in plain numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sluice_triton.hashing import Floats, softmax

EPOCHS = 12
BATCH = 256
RATE = 0.2
DECAY = 2e-5
DROPPED = 0.2
"""Of the features, in training: so that it does not rely on the names that it has seen."""


def fit(
    rows: NDArray[np.int32], targets: NDArray[np.int32], *, size: int, labels: int, seed: int
) -> Floats:
    """Weights [size, labels] for rows [n, f] of slots, -1 for none, and targets [n]."""
    random = np.random.default_rng(seed)
    weights = np.zeros((size + 1, labels), np.float32)
    squares = np.full((size + 1, labels), 1e-6, np.float32)
    for epoch in range(EPOCHS):
        loss = 0.0
        for batch in np.array_split(random.permutation(len(rows)), len(rows) // BATCH):
            # The last row stays zero: what is dropped points there.
            slots = np.where(random.random(rows[batch].shape) < DROPPED, size, rows[batch])
            slots[slots < 0] = size
            shares = softmax(weights[slots].sum(axis=1))
            loss -= float(np.log(shares[np.arange(len(batch)), targets[batch]] + 1e-9).sum())
            shares[np.arange(len(batch)), targets[batch]] -= 1
            used, inverse = np.unique(slots, return_inverse=True)
            inverse = inverse.reshape(slots.shape)
            steps = np.zeros((len(used), labels), np.float32)
            for column in range(slots.shape[1]):
                np.add.at(steps, inverse[:, column], shares)
            steps = steps / len(batch) + DECAY * weights[used]
            squares[used] += steps**2
            weights[used] -= RATE * steps / np.sqrt(squares[used])
            weights[size] = 0
        print(f"epoch {epoch}: loss {loss / len(rows):.4f}")
    return weights[:size]


def quantised(weights: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Weights as int8 and the scale of each label."""
    scales = np.abs(weights).max(axis=0) / 127
    return np.round(weights / scales).astype(np.int8), scales.astype(np.float32)

"""Choosing the next token from a model's logits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sluice_triton.parameters import Parameters


class Sampler:
    """Chooses the tokens of one completion.

    The same parameters, seed and index make the same choices. Penalties follow OpenAI's formula:
    a token's logit falls by `presence_penalty` once it was chosen, and by `frequency_penalty`
    for each time.
    """

    def __init__(self, parameters: Parameters, index: int) -> None:
        self._parameters = parameters
        seed = None if parameters.seed is None else [parameters.seed % 2**64, index]
        self._random = np.random.default_rng(seed)
        self._penalty: dict[int, float] = {}

    def choose(self, logits: NDArray[Any]) -> int:
        """The next token for `logits` [vocabulary], which are changed in place."""
        given = self._parameters
        for token, penalty in self._penalty.items():
            logits[token] -= penalty
        token = int(logits.argmax()) if given.temperature == 0 else self._draw(logits)
        if given.presence_penalty or given.frequency_penalty:
            before = self._penalty.get(token, given.presence_penalty)
            self._penalty[token] = before + given.frequency_penalty
        return token

    def _draw(self, logits: NDArray[Any]) -> int:
        given = self._parameters
        # In float64, so that a tiny temperature overflows nothing.
        weights = np.exp((logits.astype(np.float64) - logits.max()) / given.temperature)
        if given.top_p == 1:
            return self._pick(weights)
        order = np.argsort(weights)[::-1]
        mass = np.cumsum(weights[order])
        kept = order[: int(np.searchsorted(mass, given.top_p * mass[-1])) + 1]
        return int(kept[self._pick(weights[kept])])

    def _pick(self, weights: NDArray[Any]) -> int:
        mass = np.cumsum(weights)
        place = np.searchsorted(mass, self._random.random() * mass[-1], side="right")
        return int(min(place, len(weights) - 1))

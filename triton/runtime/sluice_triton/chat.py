"""The chat model: a small language model that samples its answer token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from sluice_triton.parameters import Parameters
from sluice_triton.sampling import Sampler
from sluice_triton.serving import CompletionModel
from sluice_triton.transformer import Cache, Floats, Transformer

_ENDS = ("<|end|>", "<|endoftext|>")


class TritonPythonModel(CompletionModel):
    """Serves the weights.npz of its version."""

    def load(self, version: Path) -> None:
        self._network = Transformer(version / "weights.npz")
        self.context = self._network.context
        specials = self.vocabulary.specials
        self._ends = {specials[name] for name in _ENDS}
        # A completion must not speak for the system or the user.
        self._never = sorted(set(specials.values()) - self._ends)

    def start(self, text: str, prompt: Sequence[int], given: Parameters) -> list[Iterator[int]]:
        reading = _Reading(self._network, list(prompt), given.max_tokens)
        return [self._tokens(reading, Sampler(given, index)) for index in range(given.n)]

    def _tokens(self, reading: _Reading, sampler: Sampler) -> Iterator[int]:
        cache, state = reading.fork()
        while True:
            logits = self._network.logits(state)
            logits[self._never] = -np.inf
            token = sampler.choose(logits)
            if token in self._ends:
                return
            yield token
            state = self._network.read([token], cache)[-1]


class _Reading:
    """A prompt, read once however many completions go on from it."""

    def __init__(self, network: Transformer, prompt: list[int], max_tokens: int | None) -> None:
        self._network = network
        self._prompt = prompt
        room = network.context - len(prompt)
        self._capacity = len(prompt) + min(max_tokens or room, room)

    @cached_property
    def _read(self) -> tuple[Cache, Floats]:
        cache = self._network.cache(self._capacity)
        return cache, self._network.read(self._prompt, cache)[-1]

    def fork(self) -> tuple[Cache, Floats]:
        cache, state = self._read
        return cache.copy(), state

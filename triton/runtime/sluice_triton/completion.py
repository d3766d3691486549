"""One completion of a prompt as a state machine: a token a step, a delta a token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sluice_triton.output import StopFilter, Utf8Stream
from sluice_triton.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Delta:
    """What one step added.

    `tokens` counts all tokens generated so far, also those whose text a stop string cut off;
    the token with which a model ends its answer is not counted. `finish_reason` is "" before
    the last delta, then "stop" (the model ended, or a stop string) or "length".
    """

    text: str
    tokens: int
    finish_reason: str


class Completion:
    """Turns `tokens` into deltas; the iterator ending means that the model has ended its answer."""

    def __init__(
        self, tokens: Iterator[int], vocabulary: Vocabulary, stop: tuple[str, ...], limit: int
    ) -> None:
        self._source = tokens
        self._vocabulary = vocabulary
        self._limit = limit
        self._characters = Utf8Stream()
        self._filter = StopFilter(stop)
        self._count = 0

    def step(self) -> Delta:
        """Generate one more token. Not to be called again after a finish reason."""
        token = next(self._source, None)
        if token is None:
            return self._close("", "stop")
        self._count += 1
        text = self._filter.feed(self._characters.feed(self._vocabulary.bytes_of(token)))
        if self._filter.stopped:
            return Delta(text, self._count, "stop")
        if self._count >= self._limit:
            return self._close(text, "length")
        return Delta(text, self._count, "")

    def _close(self, text: str, reason: str) -> Delta:
        text += self._filter.feed(self._characters.close())
        if self._filter.stopped:
            return Delta(text, self._count, "stop")
        return Delta(text + self._filter.close(), self._count, reason)

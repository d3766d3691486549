"""The tokens of one answer, as they are charged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from extauth.types import Delta, Usage
from extauth.types.answer import WHOLE
from extauth.usage.prices import cost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.gateway.dispatched import Dispatched


class Meter:
    """Counts an answer's tokens, by our tokenizer and by what the backend says of them.

    Belongs to one exchange; begins when the request leaves.
    """

    __slots__ = ("_counted", "_dispatched", "_sent", "_told", "_told_prompt")

    def __init__(self, dispatched: Dispatched) -> None:
        self._dispatched = dispatched
        self._counted: dict[int, int] = {}
        self._told: dict[int, int] = {}
        self._told_prompt: int | None = None
        self._sent = time.perf_counter()

    def count(self, deltas: Iterable[Delta]) -> list[Delta]:
        """Note what the deltas used; return them with the counts that are charged."""
        tokenizer = self._dispatched.model.tokenizer
        counted = []
        for delta in deltas:
            index, told = delta.index, delta.completion_tokens
            if told is not None:
                self._told[index] = told
            if delta.prompt_tokens is not None:
                self._told_prompt = delta.prompt_tokens
            if delta.text and (told is None or not tokenizer.exact):
                # Piece by piece, which errs upwards: nobody but the backend knows the ids.
                count = tokenizer.count(delta.text)
                self._counted[index] = self._counted.get(index, 0) + count
            details = delta.details
            if details is not None and index != WHOLE and (told is None or not tokenizer.exact):
                said = sum([tokenizer.count(text) for text in details.texts])
                self._counted[index] = self._counted.get(index, 0) + said
            if told is None and delta.finish_reason == "stop":
                unseen = self._dispatched.unseen
                self._counted[index] = self._counted.get(index, 0) + unseen
            counted.append(self._charged(delta))
        return counted

    def usage(self) -> Usage:
        """Return the usage so far."""
        if WHOLE in self._told:
            return self._costed(self._prompt(), self._used(WHOLE))
        choices = self._counted.keys() | self._told.keys()
        return self._costed(self._prompt(), sum(map(self._used, choices)))

    def worst(self) -> Usage:
        """Return the whole reservation, for an answer whose length nobody knows."""
        worst = self._dispatched.worst_case
        return self._costed(worst.prompt_tokens, worst.completion_tokens)

    def _charged(self, delta: Delta) -> Delta:
        """Return the delta with the counts that are charged, where the backend tells any."""
        completion, prompt = delta.completion_tokens, delta.prompt_tokens
        if completion is not None:
            completion = self._used(delta.index)
        if prompt is not None:
            prompt = self._prompt()
        if (completion, prompt) == (delta.completion_tokens, delta.prompt_tokens):
            return delta
        return msgspec.structs.replace(delta, completion_tokens=completion, prompt_tokens=prompt)

    def _prompt(self) -> int:
        return self._settled(self._dispatched.worst_case.prompt_tokens, self._told_prompt)

    def _used(self, index: int) -> int:
        counted = self._counted
        own = sum(counted.values()) if index == WHOLE else counted.get(index, 0)
        return self._settled(own, self._told.get(index))

    def _settled(self, counted: int, told: int | None) -> int:
        """Return what is charged for tokens counted here, and by the backend if it counts."""
        if told is None:
            return counted
        return told if self._dispatched.settlement == "backend" else max(counted, told)

    def _costed(self, prompt: int, completion: int) -> Usage:
        """These tokens, their cost, and how long the backend has worked on them by now."""
        milliseconds = int((time.perf_counter() - self._sent) * 1000)
        return Usage(
            prompt, completion, cost(self._dispatched.price, prompt, completion), milliseconds
        )

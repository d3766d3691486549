"""A plain answer while it is put together: the text and end of each choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extauth.types import Delta


class Collected:
    """The deltas of every choice so far, joined by index."""

    __slots__ = ("_reasons", "_texts", "_tokens", "told_prompt")

    def __init__(self) -> None:
        self._texts: dict[int, list[str]] = {}
        self._reasons: dict[int, str] = {}
        self._tokens: dict[int, int] = {}
        self.told_prompt = False
        """Whether the backend has told how many tokens the prompt has."""

    def add(self, deltas: Sequence[Delta]) -> None:
        """Take these deltas in, in their order."""
        for delta in deltas:
            self._texts.setdefault(delta.index, []).append(delta.text)
            if delta.finish_reason is not None:
                self._reasons[delta.index] = delta.finish_reason
            self.told_prompt |= delta.prompt_tokens is not None
            if delta.completion_tokens is not None:
                self._tokens[delta.index] = delta.completion_tokens

    def choices(self) -> Iterable[tuple[int, str, str | None, int | None]]:
        """Index, text, finish reason and tokens of each choice, by index."""
        for index in sorted(self._texts):
            text = "".join(self._texts[index])
            yield index, text, self._reasons.get(index), self._tokens.get(index)

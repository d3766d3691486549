"""Edges of texts that could be part of a control token, with what a template writes there."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Edges:
    """The beginnings, ends and insides of tokens. Safe to share between threads and tasks."""

    __slots__ = ("_beginnings", "_ends", "_longest", "_tokens")

    def __init__(self, tokens: Iterable[str]) -> None:
        known = sorted(tokens)
        beginnings: dict[str, set[str]] = defaultdict(set)
        ends: dict[str, set[str]] = defaultdict(set)
        for token in known:
            for at in range(1, len(token)):
                beginnings[token[at - 1]].add(token[:at])
                ends[token[at]].add(token[at:])
        # By the character that a text ends or begins with, which most share with none.
        self._beginnings = {char: tuple(some) for char, some in beginnings.items()}
        self._ends = {char: tuple(some) for char, some in ends.items()}
        self._longest = max(map(len, known), default=0)
        self._tokens = "\0".join(known)

    def meet(self, text: str) -> bool:
        """Return whether `text`, trimmed as templates do, could be a part of a token."""
        text = text.strip()
        if not text:
            return False
        return (
            text.endswith(self._beginnings.get(text[-1], ()))
            or text.startswith(self._ends.get(text[0], ()))
            or (len(text) < self._longest and text in self._tokens)
        )

"""Replacements in a text, and the offsets of everything else after them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.content.privacy.finding import Finding


class Edits:
    """Replaces spans of one text, from left to right, without overlap."""

    __slots__ = ("_ends", "_new_ends", "_new_starts", "_original", "_pieces", "_starts")

    def __init__(self, text: str) -> None:
        self._original = text
        self._pieces: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._new_starts: list[int] = []
        self._new_ends: list[int] = []

    def replace(self, start: int, end: int, substitute: str) -> None:
        """Replace `[start, end)`, which must begin at or after the end of the last one."""
        last = self._ends[-1] if self._ends else 0
        new_start = start - last + (self._new_ends[-1] if self._new_ends else 0)
        self._pieces += (self._original[last:start], substitute)
        self._starts.append(start)
        self._ends.append(end)
        self._new_starts.append(new_start)
        self._new_ends.append(new_start + len(substitute))

    def text(self) -> str:
        """Return the text after all replacements."""
        return "".join(self._pieces) + self._original[self._ends[-1] if self._ends else 0 :]

    def moved(self, finding: Finding) -> Finding | None:
        """Return the finding at its new offsets; None if it was replaced as a whole.

        A finding that was replaced in part keeps the rest; one around a replacement contains it.
        """
        start, end = finding.start, finding.end
        before = bisect_right(self._starts, start) - 1
        if before >= 0:
            if end <= self._ends[before]:
                return None
            if start > self._starts[before]:
                start = self._new_ends[before] + max(0, start - self._ends[before])
            else:
                start = self._new_starts[before]
        at = bisect_left(self._starts, end) - 1
        if at >= 0:
            inside = end < self._ends[at]
            end = self._new_starts[at] if inside else self._new_ends[at] + end - self._ends[at]
        return replace(finding, start=start, end=end) if start < end else None

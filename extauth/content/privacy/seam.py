"""Seams between neighbouring texts, which a person reads on across."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from extauth.content.privacy.fold import fold, offsets
from extauth.content.privacy.recogniser import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from extauth.content.privacy.finding import Finding

REACH: Final = 256
"""Characters on either side of a seam that are read together."""

MIDDLE: Final = 64
"""Characters of a text that may be the middle of a value which two others begin and end."""

_BREAK = b"\n\x1f\x1f\n"
_JOINS_BEHIND = frozenset("@_-+/=.:")
_JOINS_BEFORE = frozenset("@_-+/=:")


class SeamPart(NamedTuple):
    """The part of a finding in one text, with the text's number."""

    text: int
    finding: Finding


class _Piece(NamedTuple):
    """A piece of a text in the joined data; `cut_*` is true where the text goes on."""

    start: int
    end: int
    text: int
    base: int
    shown: str
    cut_before: bool
    cut_behind: bool

    def part(self, finding: Finding) -> SeamPart:
        length = self.end - self.start
        kept = range(length) if length == len(self.shown) else offsets(self.shown)
        first = max(finding.start, self.start) - self.start
        last = min(finding.end, self.end) - self.start - 1
        begins, ends = self.base + kept[first], self.base + kept[last] + 1
        return SeamPart(self.text, replace(finding, start=begins, end=ends))


class Seams:
    """The ends and beginnings of neighbouring texts, joined and folded as `data`.

    Where `tight` is true they are joined directly, as the parts of a word; otherwise with a space,
    as sentences. It is repeated for as many seams as there are.
    """

    __slots__ = ("_pieces", "_starts", "_tight", "data")

    def __init__(self, texts: Sequence[str], tight: tuple[bool, ...]) -> None:
        self._tight = any(tight)
        self._pieces: list[_Piece] = []
        joined = bytearray()
        before = ""
        filled = [number for number, text in enumerate(texts) if text]
        for place, number in enumerate(filled):
            text = texts[number]
            if before:
                joined += _joint(before, text, tight=tight[place % len(tight)])
            # The first text has no seam in front, the last none behind.
            if number == filled[0]:
                self._add(joined, number, text, max(0, len(text) - REACH), len(text))
            elif number == filled[-1]:
                self._add(joined, number, text, 0, min(len(text), REACH))
            elif len(text) <= 2 * REACH:
                self._add(joined, number, text, 0, len(text))
            else:
                self._add(joined, number, text, 0, REACH)
                joined += _BREAK
                self._add(joined, number, text, len(text) - REACH, len(text))
            before = text
        self.data = bytes(joined)
        self._starts = [piece.start for piece in self._pieces]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Iterator[Seams]:
        """Yield every way to join the texts; none unless at least two of them have content."""
        filled = [text for text in texts if text]
        if len(filled) < 2:
            return
        yield cls(texts, (False,))
        if any(map(_goes_on, filled, filled[1:])):
            yield cls(texts, (True,))
            # A value in three texts, of which one seam is in a word and the other between two.
            if any(len(text) <= MIDDLE for text in filled[1:-1]):
                yield cls(texts, (True, False))
                yield cls(texts, (False, True))

    def split(self, findings: Iterable[Finding]) -> Iterator[list[SeamPart]]:
        """Yield the parts of each finding in `data` that no single text shows."""
        for finding in findings:
            first = bisect_right(self._starts, finding.start) - 1
            last = bisect_right(self._starts, finding.end - 1) - 1
            begins, ends = self._pieces[first], self._pieces[last]
            if begins.cut_before and finding.start == begins.start:
                continue
            if ends.cut_behind and finding.end == ends.end:
                continue
            if first < last:
                # A space that joins two texts may be in a finding, but is in no text.
                pieces = self._pieces[first : last + 1]
                yield [piece.part(finding) for piece in pieces if piece.start < finding.end]
            elif first and not self._tight and finding.start - begins.start < CONTEXT:
                yield [begins.part(finding)]

    def _add(self, joined: bytearray, number: int, text: str, start: int, end: int) -> None:
        shown = text[start:end]
        data = shown.encode() if shown.isascii() else fold(shown)
        if not data:
            return
        at = len(joined)
        cut_before, cut_behind = start > 0, end < len(text)
        self._pieces.append(
            _Piece(at, at + len(data), number, start, shown, cut_before, cut_behind)
        )
        joined += data


def _joint(before: str, behind: str, *, tight: bool) -> bytes:
    if before[-1].isspace() or behind[0].isspace():
        return b""
    if tight:
        return b"" if _goes_on(before, behind) else _BREAK
    return b" "


def _goes_on(before: str, behind: str) -> bool:
    """Return whether the end of one text and the beginning of the next can be one word."""
    last, first = before[-1], behind[0]
    if last == ".":
        return before[-2:-1].isdigit() and first.isdigit()
    return (last.isalnum() or last in _JOINS_BEFORE) and (first.isalnum() or first in _JOINS_BEHIND)

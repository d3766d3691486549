"""Numbers with a fraction or an exponent, as JSON may write an integer, read as integers."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final, NamedTuple

PREFILTER: Final = rb"\b\d{6,}\.0|\b\d+(?:\.\d+)?[eE][+\-]?\d{1,2}\b"
"""Matches every text in which `Integers` may find some."""

_LITERAL = re.compile(
    rb"(?<![\w.])(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+\-]?\d{1,2}))?(?!\w)(?!\.\d)"
)
_SHORTEST, _LONGEST = 6, 40


class _Literal(NamedTuple):
    """An integer's place among the integers read, and that of its literal in the data."""

    start: int
    end: int
    written: int
    written_end: int


class Integers:
    """Folded text with `4111111111111111.0` and `4.111111111111111e15` written as integers.

    `data` is empty where there are none of at least 6 digits. Numbers that are not whole stay.
    """

    __slots__ = ("_literals", "data")

    def __init__(self, data: bytes) -> None:
        self._literals: list[_Literal] = []
        pieces: list[bytes] = []
        last = length = 0
        for match in _LITERAL.finditer(data):
            digits = _whole(*match.groups())
            if digits is None:
                continue
            length += match.start() - last
            pieces += (data[last : match.start()], digits)
            self._literals.append(_Literal(length, length + len(digits), *match.span()))
            length += len(digits)
            last = match.end()
        self.data = b"".join([*pieces, data[last:]]) if pieces else b""

    def written(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the span in the text of a span in `data`; None if it has none of the numbers.

        Numbers are in it as a whole.
        """
        first = bisect_left(self._literals, start + 1, key=_end)
        last = bisect_left(self._literals, end, key=_start)
        if first == last:
            return None
        begins, ends = self._literals[first], self._literals[last - 1]
        return (
            begins.written - max(0, begins.start - start),
            ends.written_end + max(0, end - ends.end),
        )


def _end(literal: _Literal) -> int:
    return literal.end


def _start(literal: _Literal) -> int:
    return literal.start


def _whole(integer: bytes, fraction: bytes | None, exponent: bytes | None) -> bytes | None:
    """Return the digits of a literal with a fraction or an exponent; None if it is not whole."""
    if fraction is None and exponent is None:
        return None
    fraction = fraction or b""
    digits = integer + fraction
    shift = int(exponent or 0) - len(fraction)
    if shift < 0:
        if digits[shift:].strip(b"0"):
            return None
        digits = digits[:shift]
    digits = digits.lstrip(b"0")
    if shift > 0 and digits:
        digits += b"0" * shift
    return digits if _SHORTEST <= len(digits) <= _LONGEST else None

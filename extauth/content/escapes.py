"""JSON's escapes in a text: removal, and offsets with and without them."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from typing import Final

DEPTH: Final = 3
"""Layers of escapes that are undone: a string inside a string inside a string."""

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r'|u[0-9a-fA-F]{4}|["\\/bfnrt])'
)
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNREADABLE = "\ufffd"


class Unescaped:
    """A text with one layer of JSON's escapes undone (RFC 8259, section 7).

    Every escape becomes one character; half of a surrogate pair becomes U+FFFD. `inner` has the
    next layer undone, up to `depth`, and is None where there is none. Immutable.
    """

    __slots__ = ("_ends", "_places", "_starts", "inner", "text")

    def __init__(self, text: str, depth: int = DEPTH) -> None:
        pieces: list[str] = []
        # Starts and ends of the escapes in `text`, and offsets of their characters without escapes.
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._places: list[int] = []
        last = length = 0
        for match in _ESCAPE.finditer(text):
            start, end = match.span()
            pieces += (text[last:start], _read(match.group()))
            length += start - last
            self._starts.append(start)
            self._ends.append(end)
            self._places.append(length)
            length += 1
            last = end
        self.text: str = "".join([*pieces, text[last:]])
        self.inner = Unescaped.of(self.text, depth - 1)

    @classmethod
    def of(cls, text: str, depth: int = DEPTH) -> Unescaped | None:
        """Return `text` unescaped; None if it has no escape, at almost no cost."""
        if depth == 0 or "\\" not in text or _ESCAPE.search(text) is None:
            return None
        return cls(text, depth)

    def offset(self, at: int) -> int:
        """Return the offset with escapes of the offset `at` without them.

        The boundary after an escape's character is the end of the escape.
        """
        before = bisect_left(self._places, at)
        return at if not before else self._ends[before - 1] + at - self._places[before - 1] - 1

    def whole(self, start: int, end: int) -> tuple[int, int]:
        """Widen a span of the text with escapes to whole escapes, in all layers."""
        first = bisect_right(self._starts, start) - 1
        if first >= 0 and self._starts[first] < start < self._ends[first]:
            start = self._starts[first]
        last = bisect_left(self._starts, end) - 1
        if last >= 0 and self._starts[last] < end < self._ends[last]:
            end = self._ends[last]
        if self.inner is None:
            return start, end
        start, end = self.inner.whole(self._place(start), self._place(end))
        return self.offset(start), self.offset(end)

    def _place(self, at: int) -> int:
        """Return the offset without escapes of the offset `at` with them, which cuts none."""
        before = bisect_right(self._ends, at)
        return at if not before else self._places[before - 1] + 1 + at - self._ends[before - 1]


def unescaped(text: str) -> tuple[str, int]:
    """Return `text` without escapes, and the number of layers removed, at most `DEPTH`."""
    layers, layer = 0, Unescaped.of(text)
    while layer is not None:
        layers, text, layer = layers + 1, layer.text, layer.inner
    return text, layers


def escaped(text: str, layers: int) -> str:
    """Return `text` as it stands inside that many nested JSON strings."""
    for _ in range(layers):
        text = json.dumps(text, ensure_ascii=False)[1:-1]
    return text


def _read(escape: str) -> str:
    if escape[1] != "u":
        return _SHORT.get(escape[1], escape[1])
    code = int(escape[2:6], 16)
    if len(escape) > 6:
        return chr(0x10000 + ((code - 0xD800) << 10) + int(escape[8:], 16) - 0xDC00)
    return _UNREADABLE if 0xD800 <= code <= 0xDFFF else chr(code)

"""Typed google-re2: byte patterns that match in linear time, whatever the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Bytes that RE2 may use for its automata. When they are full it starts again, and is slower.
_SET_MEMORY = 32 << 20
_PATTERN_MEMORY = 4 << 20


class Match(Protocol):
    """A match of a pattern."""

    def group(self, group: int = 0, /) -> bytes | None:
        """Return the bytes that the group matched; None if it took no part."""

    def start(self, group: int = 0, /) -> int:
        """Return the start of the group; -1 if it took no part."""

    def end(self, group: int = 0, /) -> int:
        """Return the end of the group; -1 if it took no part."""


class Pattern(Protocol):
    """A compiled pattern. Safe to share between threads."""

    def finditer(self, data: bytes, /) -> Iterator[Match]:
        """Yield matches from left to right, without overlap."""

    def search(self, data: bytes, pos: int = 0, /) -> Match | None:
        """Return the leftmost match that starts at or after `pos`."""

    def fullmatch(self, data: bytes, /) -> Match | None:
        """Return a match of the whole of `data`."""


def compile_pattern(
    source: bytes, *, longest: bool = False, utf8: bool = False, memory: int = _PATTERN_MEMORY
) -> Pattern:
    """Compile RE2 syntax that reads one byte as one character (Latin-1), or UTF-8 with `utf8`.

    Of several alternatives that match at one place the first wins, or with `longest` the longest.
    Raises ValueError if it is not an RE2 pattern, or takes more than `memory` bytes.
    """
    options = _options(memory, utf8)
    options.longest_match = longest
    try:
        pattern: Pattern = re2.compile(source, options)
    except re2.error as error:
        raise ValueError(f"not an RE2 pattern: {error.args[0].decode()}") from None
    return pattern


class PatternSet:
    """Many patterns tried in one pass over the text. Safe to share between threads."""

    __slots__ = ("_set",)

    def __init__(self, sources: Iterable[bytes], *, utf8: bool = False) -> None:
        self._set = re2.Set.SearchSet(_options(_SET_MEMORY, utf8))
        for source in sources:
            self._set.Add(source)
        self._set.Compile()

    def match(self, data: bytes) -> list[int]:
        """Return the positions in `sources` of the patterns that occur in `data`."""
        # Set.Match returns None instead of an empty list.
        return self._set.Match(data) or []


def _options(memory: int, utf8: bool) -> re2.Options:
    options = re2.Options()
    encoding = re2.Options.Encoding
    options.encoding = encoding.UTF8 if utf8 else encoding.LATIN1
    options.max_mem = memory
    options.log_errors = False
    return options

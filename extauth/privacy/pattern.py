"""google-re2, typed: byte patterns that match in linear time whatever the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Bytes that RE2 may keep of its automata; it forgets and goes on, slower, when they are full.
_SET_MEMORY = 32 << 20
_PATTERN_MEMORY = 4 << 20


class Match(Protocol):
    """One match of a pattern."""

    def group(self, group: int = 0, /) -> bytes | None:
        """What the group matched, None if it took no part."""

    def start(self, group: int = 0, /) -> int:
        """Where the group begins, -1 if it took no part."""

    def end(self, group: int = 0, /) -> int:
        """Where the group ends, -1 if it took no part."""


class Pattern(Protocol):
    """A compiled pattern. Safe to share between threads."""

    def finditer(self, data: bytes, /) -> Iterator[Match]:
        """Matches from left to right, none overlapping another."""

    def search(self, data: bytes, /) -> Match | None:
        """The leftmost match."""

    def fullmatch(self, data: bytes, /) -> Match | None:
        """A match of all of `data`."""


def compile_pattern(source: bytes, *, longest: bool = False) -> Pattern:
    """Compile RE2 syntax that reads one byte as one character (Latin-1).

    Of alternatives that match at one place the first wins, with `longest` the longest.
    """
    options = _options(_PATTERN_MEMORY)
    options.longest_match = longest
    pattern: Pattern = re2.compile(source, options)
    return pattern


class PatternSet:
    """Many patterns tried in one pass over the text. Safe to share between threads."""

    __slots__ = ("_set",)

    def __init__(self, sources: Iterable[bytes]) -> None:
        self._set = re2.Set.SearchSet(_options(_SET_MEMORY))
        for source in sources:
            self._set.Add(source)
        self._set.Compile()

    def match(self, data: bytes) -> list[int]:
        """Which patterns, by their position in `sources`, occur somewhere in `data`."""
        # Set.Match answers None instead of an empty list.
        return self._set.Match(data) or []


def _options(memory: int) -> re2.Options:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = memory
    options.log_errors = False
    return options

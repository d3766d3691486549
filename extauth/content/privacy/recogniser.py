"""The interface of a recogniser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD: Final = 512
"""Bytes of a stream that `opens` may hold back at most."""

CONTEXT: Final = 128
"""Bytes before a finding that a recogniser may read: cue words and the character in front."""

WORD: Final = rb"[^\s\x1f]{1,512}"
"""`opens` for a form without spaces."""


class Span(NamedTuple):
    """Half-open offsets in folded bytes."""

    start: int
    end: int


class Recogniser(Protocol):
    """Finds one form of one kind in folded text. Immutable, safe to share between threads."""

    @property
    def kind(self) -> str:
        """The kind of all its findings."""

    @property
    def confidence(self) -> float:
        """The confidence of its findings; see `Finding.confidence`."""

    @property
    def name(self) -> str:
        """A stable name, for the audit trail."""

    @property
    def prefilter(self) -> bytes:
        """A cheap pattern that matches every text in which `find` finds something."""

    @property
    def opens(self) -> bytes:
        """A pattern of every text that could still become a finding, or change one, if it went on.

        It matches from the first byte of a candidate to the end of the text. If it matches too
        much, a stream is only held back; if it misses something, a finding can slip through. A
        scanner applies it to the last `HELD` bytes, and reads a count from 0 or 1 to 64 or more as
        unbounded, which is much faster.
        """

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield spans from left to right, in time linear in `data`."""

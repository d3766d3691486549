"""What every recogniser offers the detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD: Final = 512
"""Bytes of a stream that `opens` may hold back at most."""

CONTEXT: Final = 128
"""Bytes before a finding that a recogniser may look at: cue words and the character ahead."""

WORD: Final = rb"[^\s\x1f]{1,512}"
"""`opens` of what has no spaces in it."""


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
        """How sure its findings are, as `Finding.confidence` tells."""

    @property
    def name(self) -> str:
        """A stable name, for the audit trail."""

    @property
    def prefilter(self) -> bytes:
        """A cheap pattern that occurs in every text in which `find` finds something."""

    @property
    def opens(self) -> bytes:
        """A pattern of every text that could still become a finding, or change one, if it went on.

        From the first byte of a candidate to the end. Too generous only holds a stream back;
        what it misses would slip through. Who scans a stream looks back `HELD` bytes, and reads
        a count from 0 or 1 to 64 or more as one without a bound: that is far quicker.
        """

    def find(self, data: bytes) -> Iterator[Span]:
        """Spans from left to right, in time linear in `data`."""

"""What every recogniser offers the detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.privacy.finding import Kind


class Span(NamedTuple):
    """Half-open offsets in folded bytes."""

    start: int
    end: int


class Recogniser(Protocol):
    """Finds one form of one kind in folded text. Immutable, safe to share between threads."""

    @property
    def kind(self) -> Kind:
        """The kind of all its findings."""

    @property
    def name(self) -> str:
        """A stable name, for the audit trail."""

    @property
    def prefilter(self) -> bytes:
        """A cheap pattern that occurs in every text in which `find` finds something."""

    def find(self, data: bytes) -> Iterator[Span]:
        """Spans from left to right, in time linear in `data`."""

"""The pace of a line."""

from __future__ import annotations

from math import exp

MEMORY = 60.0
"""Seconds after which what was seen counts a third: about as long as answers and minutes last."""


class Pace:
    """The recent rate of events, as an exponentially weighted average over time.

    Both the events and the time are weighted, so that a burst is a burst and a pause a pause: an
    average over the gaps between events would take the gaps inside a burst for the rate.
    """

    __slots__ = ("_at", "_count", "_span")

    def __init__(self, now: float) -> None:
        self._at = now
        self._count = 0.0
        self._span = 0.0

    def passed(self, now: float) -> None:
        """Count an event."""
        self._advance(now)
        self._count += 1

    def interval(self, now: float) -> float | None:
        """Return the seconds for each event, None where none was seen yet."""
        self._advance(now)
        return self._span / self._count if self._count else None

    def _advance(self, now: float) -> None:
        if now <= self._at:
            return
        kept = exp((self._at - now) / MEMORY)
        self._count *= kept
        self._span = self._span * kept + MEMORY * (1 - kept)
        self._at = now

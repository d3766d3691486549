"""Crossed thresholds of limits, each reported once a window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extauth.ledger.ledger import scale
from extauth.types import Crossing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from extauth.ledger.calendar import Wall
    from extauth.ledger.ledger import Counter
    from extauth.ledger.window import WindowCounter
    from extauth.types import Limit

Threshold = tuple["Counter", str, int]
"""A counter, and the name and percent of one of its limits."""

_PATROL = 2


class Thresholds:
    """Remembers reported thresholds until they may be reported again. Not thread-safe.

    It goes by the ledger's own time; crossings tell that of the wall clock.
    """

    def __init__(self, wall: Wall) -> None:
        self._wall = wall
        self._told: dict[Threshold, float] = {}
        self._new: dict[Threshold, float] = {}

    def reached(
        self, limit: Limit, counter: Counter, window: WindowCounter, now: float
    ) -> Iterable[Crossing]:
        """Yield the crossings of `limit` by booked usage that were not reported in this window."""
        self._patrol(now)
        booked, parts = window.used(now) - window.held, scale(limit.unit)
        for percent in limit.warn_at:
            if booked * 100 < percent * limit.max * parts:
                continue
            threshold = (counter, limit.name, percent)
            if self._told.get(threshold, 0.0) > now:
                continue
            until = window.told_until(now)
            self._told[threshold] = self._new[threshold] = until
            after = None if math.isinf(until) else window.whole_after(now)
            resets_at = None if after is None else now + after + self._wall.ahead
            yield Crossing(limit, percent, booked // parts, resets_at)

    def forget(self, counter: Counter) -> None:
        """Forget what was reported of a counter, which begins anew."""
        for threshold in [each for each in self._told if each[0] == counter]:
            del self._told[threshold]
            self._new[threshold] = 0.0

    def rename(self, old: Counter, new: Counter) -> None:
        """Move what was reported of a counter to its new key."""
        for told in (self._told, self._new):
            for threshold in [each for each in told if each[0] == old]:
                renamed = (new, *threshold[1:])
                told[renamed] = max(told.pop(threshold), told.get(renamed, 0.0))

    def move(self, ends: Mapping[Counter, float]) -> None:
        """Report what was reported of these counters not before the ends that they now have."""
        for threshold in [each for each in self._told if each[0] in ends]:
            self._told[threshold] = self._new[threshold] = ends[threshold[0]]

    def load(self, threshold: Threshold, until: float) -> None:
        """Restore a threshold that was reported before a restart."""
        self._told[threshold] = until

    def changes(self) -> dict[Threshold, float]:
        """Return the thresholds reported since the last call, with the end of their windows."""
        changes, self._new = self._new, {}
        return changes

    def _patrol(self, now: float) -> None:
        """Check the two thresholds checked longest ago, so that old ones are dropped."""
        for _ in range(min(_PATROL, len(self._told))):
            threshold = next(iter(self._told))
            until = self._told.pop(threshold)
            if until > now:
                self._told[threshold] = until

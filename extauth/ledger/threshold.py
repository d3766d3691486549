"""Which thresholds of a limit were reached, each told once a window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extauth.ledger.ledger import scale
from extauth.types import Crossing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.ledger.ledger import Counter
    from extauth.ledger.window import Window
    from extauth.types import Limit

Threshold = tuple["Counter", str, int]
"""A counter, and the name and percent of one of its limits."""

_PATROL = 2


class Thresholds:
    """Remembers what was told until it may be told again. Not thread-safe."""

    def __init__(self) -> None:
        self._told: dict[Threshold, float] = {}
        self._new: dict[Threshold, float] = {}

    def reached(
        self, limit: Limit, counter: Counter, window: Window, now: float
    ) -> Iterable[Crossing]:
        """The percents of `limit` that what is booked has reached, and that nobody was told of."""
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
            yield Crossing(limit, percent, booked // parts, None if after is None else now + after)

    def forget(self, counter: Counter) -> None:
        """The counter begins anew."""
        for threshold in [each for each in self._told if each[0] == counter]:
            del self._told[threshold]
            self._new[threshold] = 0.0

    def rename(self, old: Counter, new: Counter) -> None:
        """The counter goes on under another key."""
        for told in (self._told, self._new):
            for threshold in [each for each in told if each[0] == old]:
                renamed = (new, *threshold[1:])
                told[renamed] = max(told.pop(threshold), told.get(renamed, 0.0))

    def load(self, threshold: Threshold, until: float) -> None:
        """This was told before a restart."""
        self._told[threshold] = until

    def changes(self) -> dict[Threshold, float]:
        """What was told since the last call, and until when it is not told again."""
        changes, self._new = self._new, {}
        return changes

    def _patrol(self, now: float) -> None:
        """Look at the two that were looked at longest ago, so that old ones do not stay."""
        for _ in range(min(_PATROL, len(self._told))):
            threshold = next(iter(self._told))
            until = self._told.pop(threshold)
            if until > now:
                self._told[threshold] = until

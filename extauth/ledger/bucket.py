"""The arithmetic of a token bucket, kept as a leaky bucket: usage is a level that sinks.

A limit's `max` is the height of the bucket, the burst; the level sinks by `refill` every `seconds`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger.window import Asked

# Levels are floats. A difference to a whole number below this is an error of rounding, not usage.
_ROUNDING = 1e-6


class LeakyBucket:
    """A `Window` whose usage leaks at a constant rate."""

    __slots__ = ("_last", "_level", "_rate", "asked", "held")

    def __init__(self, refill: int, seconds: int) -> None:
        self.asked: Asked = (None, None)
        self.held = 0
        self._rate = refill / seconds
        self._level = 0.0
        self._last = 0.0

    def used(self, now: float) -> int:
        self._sink(now)
        return self.held + math.ceil(self._level - _ROUNDING)

    def idle(self, now: float) -> bool:
        return self.used(now) == 0 and not self.held

    def book(self, amount: int, now: float) -> None:
        self._sink(now)
        self._level += amount

    def take_back(self, amount: int, booked: float) -> None:
        """Subtract what is left of the booking; the part that has leaked is gone already."""
        self._level = max(0.0, self._level - amount)

    def room_after(self, excess: int, now: float) -> float | None:
        self._sink(now)
        to = math.ceil(self._level - _ROUNDING) - excess
        if to < 0:
            return None
        return max(0.0, (self._level - to) / self._rate)

    def whole_after(self, now: float, more: int = 0) -> float | None:
        self._sink(now)
        return (self._level + self.held + more) / self._rate

    def told_until(self, now: float) -> float:
        """Return when the current level will have leaked away."""
        self._sink(now)
        return now + self._level / self._rate

    def clear(self) -> None:
        self._level = 0.0

    def state(self) -> Sequence[float]:
        """Return the level, and the time at which it had that value."""
        return [self._level, self._last]

    def load(self, state: Sequence[float], now: float) -> None:
        self._level, self._last = state
        self._sink(now)

    def _sink(self, now: float) -> None:
        if now > self._last:
            self._level = max(0.0, self._level - (now - self._last) * self._rate)
            self._last = now

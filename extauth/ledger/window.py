"""The arithmetic of a rolling window: pure, without storage or clock.

A window of `seconds` is cut into 60 buckets. An amount leaves when the whole of its bucket is
older than the window, so it counts for at least `seconds` and at most a sixtieth longer: never
more than the limit fits into any rolling window, and the memory is the same at any rate.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKETS = 60
_SLOTS = BUCKETS + 1
_EMPTY = bytes(8 * _SLOTS)
# What a float of unix seconds may lack after the arithmetic of `leaves`.
_ROUNDING = 0.001


def bucket_at(now: float, seconds: int) -> int:
    """The index of the bucket that `now` falls into."""
    return int(now * BUCKETS / seconds)


def leaves(bucket: int, seconds: int) -> float:
    """When the amounts of a bucket stop counting, in unix seconds."""
    return (bucket + 1 + BUCKETS) * seconds / BUCKETS + _ROUNDING


class Window:
    """What counts in the last `seconds`: amounts held, and amounts booked in buckets.

    Time only goes forward: an older `now` is taken for the newest one seen. Not thread-safe.
    """

    __slots__ = ("_booked", "_last", "_ring", "_seconds", "held")

    def __init__(self, seconds: int) -> None:
        self.held = 0
        self._seconds = seconds
        self._booked = 0
        self._last = 0
        self._ring = array("q", _EMPTY)

    def used(self, now: float) -> int:
        """Everything that counts at `now`, held and booked."""
        bucket = int(now * BUCKETS / self._seconds)
        if bucket > self._last:
            self._turn(bucket)
        return self.held + self._booked

    def book(self, amount: int, now: float) -> None:
        """Count `amount` from `now` until it leaves."""
        bucket = int(now * BUCKETS / self._seconds)
        if bucket > self._last:
            self._turn(bucket)
        self._ring[self._last % _SLOTS] += amount
        self._booked += amount

    def settle(self, held: int, amount: int, now: float) -> None:
        """Book `amount` in the place of what was held for it."""
        self.held -= held
        self.book(amount, now)

    def load(self, bucket: int, amount: int) -> None:
        """Count `amount` in a bucket, unless it has left already."""
        if bucket > self._last:
            self._turn(bucket)
        if self._last - bucket <= BUCKETS:
            self._ring[bucket % _SLOTS] += amount
            self._booked += amount

    def booked(self) -> Iterator[tuple[int, int]]:
        """The buckets in which anything counts, ascending, each with its amount."""
        for bucket in range(self._last - BUCKETS, self._last + 1):
            if amount := self._ring[bucket % _SLOTS]:
                yield bucket, amount

    def take_back(self, amount: int, booked: float) -> None:
        """Undo a booking made at `booked`, unless it has left already."""
        self.load(bucket_at(booked, self._seconds), -amount)

    def room_after(self, amount: int, now: float) -> float | None:
        """Seconds until `amount` less counts than now; None when held amounts are in the way."""
        for bucket in range(self._last - BUCKETS, self._last + 1):
            amount -= self._ring[bucket % _SLOTS]
            if amount <= 0:
                return leaves(bucket, self._seconds) - now
        return None

    def whole_after(self, now: float, more: int = 0) -> float:
        """Seconds until nothing counts any more, if what is held, and `more`, were booked now."""
        if self.held or more:
            return leaves(self._last, self._seconds) - now
        for bucket in range(self._last, self._last - BUCKETS - 1, -1):
            if self._ring[bucket % _SLOTS]:
                return leaves(bucket, self._seconds) - now
        return 0.0

    def _turn(self, bucket: int) -> None:
        if bucket - self._last > BUCKETS:
            self._ring = array("q", _EMPTY)
            self._booked = 0
        else:
            for passed in range(self._last + 1, bucket + 1):
                slot = passed % _SLOTS
                self._booked -= self._ring[slot]
                self._ring[slot] = 0
        self._last = bucket

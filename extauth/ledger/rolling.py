"""The arithmetic of a rolling window: pure, without storage or clock.

A window of `seconds` is cut into 60 buckets. An amount leaves when the whole of its bucket is
older than the window, so it counts for at least `seconds` and at most a sixtieth longer: never
more than the limit fits into any rolling window, and the memory is bounded at any rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BUCKETS = 60
# What a float of unix seconds may lack after the arithmetic of `leaves`.
_ROUNDING = 0.001


def bucket_at(now: float, seconds: int) -> int:
    """The index of the bucket that `now` falls into."""
    return int(now * BUCKETS / seconds)


def leaves(bucket: int, seconds: int) -> float:
    """When the amounts of a bucket stop counting, in unix seconds."""
    return (bucket + 1 + BUCKETS) * seconds / BUCKETS + _ROUNDING


class Rolling:
    """What counts in the last `seconds`. See `Window`.

    Only buckets with anything in them are kept: most of many counters have one or two.
    """

    __slots__ = ("_amounts", "_booked", "_buckets", "_last", "_seconds", "held")

    def __init__(self, seconds: int) -> None:
        self.held = 0
        self._seconds = seconds
        self._booked = 0
        self._last = 0
        self._buckets: list[int] = []
        self._amounts: list[int] = []

    def used(self, now: float) -> int:
        """See Window."""
        bucket = int(now * BUCKETS / self._seconds)
        if bucket > self._last:
            self._turn(bucket)
        return self.held + self._booked

    def idle(self, now: float) -> bool:
        """See Window."""
        return self.used(now) == 0 and not self.held and not self._buckets

    def book(self, amount: int, now: float) -> None:
        """See Window."""
        bucket = int(now * BUCKETS / self._seconds)
        if bucket > self._last:
            self._turn(bucket)
        self._add(self._last, amount)

    def take_back(self, amount: int, booked: float) -> None:
        """See Window."""
        self._add(bucket_at(booked, self._seconds), -amount)

    def room_after(self, excess: int, now: float) -> float | None:
        """See Window."""
        for bucket, amount in zip(self._buckets, self._amounts, strict=True):
            excess -= amount
            if excess <= 0:
                return leaves(bucket, self._seconds) - now
        return None

    def whole_after(self, now: float, more: int = 0) -> float | None:
        """See Window."""
        if self.held or more:
            return leaves(max(self._last, bucket_at(now, self._seconds)), self._seconds) - now
        for place in range(len(self._amounts) - 1, -1, -1):
            if self._amounts[place]:
                return leaves(self._buckets[place], self._seconds) - now
        return 0.0

    def told_until(self, now: float) -> float:
        """See Window."""
        return now + self._seconds

    def clear(self) -> None:
        """See Window."""
        self._buckets.clear()
        self._amounts.clear()
        self._booked = 0

    def state(self) -> Sequence[float]:
        """Bucket and amount by turns, ascending."""
        return [
            number for pair in zip(self._buckets, self._amounts, strict=True) for number in pair
        ]

    def load(self, state: Sequence[float], now: float) -> None:
        """See Window."""
        self.used(now)
        for bucket, amount in zip(state[::2], state[1::2], strict=True):
            self._add(int(bucket), int(amount))

    def _add(self, bucket: int, amount: int) -> None:
        """Count `amount` in a bucket, unless it has left already."""
        if bucket > self._last:
            self._turn(bucket)
        if self._last - bucket > BUCKETS:
            return
        self._booked += amount
        buckets = self._buckets
        place = len(buckets)
        while place and buckets[place - 1] > bucket:
            place -= 1
        if not place or buckets[place - 1] != bucket:
            buckets.insert(place, bucket)
            self._amounts.insert(place, amount)
            return
        self._amounts[place - 1] += amount
        if not self._amounts[place - 1]:
            del buckets[place - 1], self._amounts[place - 1]

    def _turn(self, bucket: int) -> None:
        self._last = bucket
        gone, oldest = 0, bucket - BUCKETS
        for kept in self._buckets:
            if kept >= oldest:
                break
            self._booked -= self._amounts[gone]
            gone += 1
        if gone:
            del self._buckets[:gone]
            del self._amounts[:gone]

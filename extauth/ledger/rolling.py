"""The arithmetic of a rolling window. Pure: no storage, no clock.

A window of `seconds` is cut into 60 buckets. An amount leaves when the whole of its bucket is older
than the window, so it counts for at least `seconds` and at most a sixtieth longer. A rolling window
so never holds more than the limit, and memory is bounded at any rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger.window import Asked

BUCKETS = 60
# Seconds that a float of unix seconds may be too small by after the arithmetic of `leaves`.
_ROUNDING = 0.001


def bucket_at(now: float, seconds: int) -> int:
    """Return the index of the bucket that contains `now`."""
    return int(now * BUCKETS / seconds)


def leaves(bucket: int, seconds: int) -> float:
    """Return when the amounts of a bucket stop counting, in unix seconds."""
    return (bucket + 1 + BUCKETS) * seconds / BUCKETS + _ROUNDING


class Rolling:
    """A `Window` over the last `seconds`.

    Only buckets with an amount are kept, as a flat list of bucket and amount in turn, ascending:
    most counters have one or two.
    """

    __slots__ = ("_booked", "_kept", "_last", "_seconds", "asked", "held")

    def __init__(self, seconds: int) -> None:
        self.asked: Asked = (None, None)
        self.held = 0
        self._seconds = seconds
        self._booked = 0
        self._last = 0
        self._kept: list[int] = []

    def used(self, now: float) -> int:
        bucket = int(now * BUCKETS / self._seconds)
        if bucket > self._last:
            self._turn(bucket)
        return self.held + self._booked

    def idle(self, now: float) -> bool:
        return self.used(now) == 0 and not self.held and not self._kept

    def book(self, amount: int, now: float) -> None:
        bucket = int(now * BUCKETS / self._seconds)
        if bucket > self._last:
            self._turn(bucket)
        self._booked += amount
        kept = self._kept
        if not kept or kept[-2] != self._last:
            kept += (self._last, 0)
        kept[-1] += amount
        if not kept[-1]:
            del kept[-2:]

    def take_back(self, amount: int, booked: float) -> None:
        self._add(bucket_at(booked, self._seconds), -amount)

    def room_after(self, excess: int, now: float) -> float | None:
        kept = self._kept
        for place in range(0, len(kept), 2):
            excess -= kept[place + 1]
            if excess <= 0:
                return leaves(kept[place], self._seconds) - now
        return None

    def whole_after(self, now: float, more: int = 0) -> float | None:
        if self.held or more:
            return leaves(max(self._last, bucket_at(now, self._seconds)), self._seconds) - now
        # Every bucket kept has an amount.
        return leaves(self._kept[-2], self._seconds) - now if self._kept else 0.0

    def told_until(self, now: float) -> float:
        return now + self._seconds

    def clear(self) -> None:
        self._kept.clear()
        self._booked = 0

    def state(self) -> Sequence[float]:
        """Return buckets and amounts in turn, ascending."""
        return self._kept.copy()

    def load(self, state: Sequence[float], now: float) -> None:
        self.used(now)
        for bucket, amount in zip(state[::2], state[1::2], strict=True):
            self._add(int(bucket), int(amount))

    def _add(self, bucket: int, amount: int) -> None:
        """Count `amount` in a bucket, unless the bucket has left already."""
        if bucket > self._last:
            self._turn(bucket)
        if not amount or self._last - bucket > BUCKETS:
            return
        self._booked += amount
        kept = self._kept
        place = len(kept)
        while place and kept[place - 2] > bucket:
            place -= 2
        if not place or kept[place - 2] != bucket:
            kept[place:place] = (bucket, amount)
            return
        kept[place - 1] += amount
        if not kept[place - 1]:
            del kept[place - 2 : place]

    def _turn(self, bucket: int) -> None:
        self._last = bucket
        kept, gone, oldest = self._kept, 0, bucket - BUCKETS
        while gone < len(kept) and kept[gone] < oldest:
            self._booked -= kept[gone + 1]
            gone += 2
        if gone:
            del kept[:gone]

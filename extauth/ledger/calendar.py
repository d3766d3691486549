"""The arithmetic of calendar periods and of lifetimes: what is booked counts to the end."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from extauth.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger.window import Asked
    from extauth.types import CalendarPeriod


def bounds(spec: CalendarPeriod, now: float) -> tuple[float, float]:
    """When the period that `now` lies in began and ends, in unix seconds.

    Wall clock time of its zone: the day on which the clocks change has 23 or 25 hours, and an hour
    that comes twice is two. Raises PolicyError for a zone that nobody knows.
    """
    # Whole seconds: a fraction may be rounded up into the next period.
    second = math.floor(now)
    local = datetime.fromtimestamp(second, UTC).astimezone(_zone(spec.time_zone))
    if spec.period == "hour":
        # By what has passed of it: folds and gaps begin on the hour, or on the half one.
        begin = float(second - local.minute * 60 - local.second)
        return begin, begin + 3600
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if spec.period == "day":
        return midnight.timestamp(), (midnight + timedelta(days=1)).timestamp()
    first = midnight.replace(day=spec.anchor)
    if first > midnight:
        first = _months(first, -1)
    return first.timestamp(), _months(first, 1).timestamp()


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PolicyError(f"A limit names the time zone {name!r}, which nobody knows.") from None


def _months(first: datetime, number: int) -> datetime:
    months = first.year * 12 + first.month - 1 + number
    return first.replace(year=months // 12, month=months % 12 + 1)


class Period:
    """What counts in the current hour, day or month. See `Window`."""

    __slots__ = ("_begin", "_booked", "_end", "_spec", "asked", "held")

    def __init__(self, spec: CalendarPeriod) -> None:
        """Raises PolicyError for a time zone that nobody knows."""
        _zone(spec.time_zone)
        self.asked: Asked = (None, None)
        self.held = 0
        self._spec = spec
        self._booked = 0
        self._begin = self._end = 0.0

    def used(self, now: float) -> int:
        """See Window."""
        if now >= self._end:
            self._turn(now)
        return self.held + self._booked

    def idle(self, now: float) -> bool:
        """See Window."""
        return self.used(now) == 0 and not self.held

    def book(self, amount: int, now: float) -> None:
        """See Window."""
        if now >= self._end:
            self._turn(now)
        self._booked += amount

    def take_back(self, amount: int, booked: float) -> None:
        """See Window."""
        if booked >= self._begin:
            self._booked -= amount

    def room_after(self, excess: int, now: float) -> float | None:
        """See Window."""
        return self._end - now if excess <= self._booked else None

    def whole_after(self, now: float, more: int = 0) -> float | None:
        """See Window."""
        if now >= self._end:
            self._turn(now)
        return self._end - now if self._booked or self.held or more else 0.0

    def told_until(self, now: float) -> float:
        """The end of the period."""
        if now >= self._end:
            self._turn(now)
        return self._end

    def clear(self) -> None:
        """See Window."""
        self._booked = 0

    def state(self) -> Sequence[float]:
        """When the period began, and what is booked in it."""
        return [self._begin, self._booked]

    def load(self, state: Sequence[float], now: float) -> None:
        """See Window."""
        begin, booked = state
        self._turn(max(begin, now))
        if begin >= self._begin:
            self._booked = int(booked)

    def _turn(self, now: float) -> None:
        self._begin, self._end = bounds(self._spec, now)
        self._booked = 0


class Forever:
    """What counts for all time. See `Window`."""

    __slots__ = ("_booked", "asked", "held")

    def __init__(self) -> None:
        self.asked: Asked = (None, None)
        self.held = 0
        self._booked = 0

    def used(self, now: float) -> int:
        """See Window."""
        return self.held + self._booked

    def idle(self, now: float) -> bool:
        """See Window."""
        return not self._booked and not self.held

    def book(self, amount: int, now: float) -> None:
        """See Window."""
        self._booked += amount

    def take_back(self, amount: int, booked: float) -> None:
        """See Window."""
        self._booked -= amount

    def room_after(self, excess: int, now: float) -> float | None:
        """Only what is held may still go."""
        return None

    def whole_after(self, now: float, more: int = 0) -> float | None:
        """Never, once anything is booked."""
        return None if self._booked else 0.0

    def told_until(self, now: float) -> float:
        """For ever."""
        return math.inf

    def clear(self) -> None:
        """See Window."""
        self._booked = 0

    def state(self) -> Sequence[float]:
        """What is booked."""
        return [self._booked]

    def load(self, state: Sequence[float], now: float) -> None:
        """See Window."""
        self._booked = int(state[0])

"""The arithmetic of calendar periods and lifetimes, where usage counts to the end."""

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
    """Return the begin and end of the period that contains `now`, in unix seconds.

    Periods follow the zone's wall clock: the day on which the clocks change has 23 or 25 hours, and
    an hour that occurs twice is two periods. Raises PolicyError for an unknown zone.
    """
    # In whole seconds, since rounding a fraction up could lead into the next period.
    second = math.floor(now)
    local = datetime.fromtimestamp(second, UTC).astimezone(_zone(spec.time_zone))
    if spec.period == "hour":
        # Subtract what has passed of the hour: clocks change at an hour or half an hour.
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
        raise PolicyError(f"A limit names an unknown time zone: {name!r}.") from None


def _months(first: datetime, number: int) -> datetime:
    months = first.year * 12 + first.month - 1 + number
    return first.replace(year=months // 12, month=months % 12 + 1)


class Wall:
    """The wall clock, told by the ledger's own time, which no step of the wall clock moves.

    Both are in seconds; `ahead` is what the wall clock shows beyond the ledger's time. They were
    the same when the ledger was new.
    """

    __slots__ = ("ahead",)

    def __init__(self) -> None:
        self.ahead = 0.0


class Period:
    """A `Window` of the current hour, day or month by the wall clock."""

    __slots__ = ("_begin", "_booked", "_end", "_spec", "_wall", "asked", "held")

    def __init__(self, spec: CalendarPeriod, wall: Wall) -> None:
        """Raises PolicyError for an unknown time zone."""
        _zone(spec.time_zone)
        self.asked: Asked = (None, None)
        self.held = 0
        self._spec = spec
        self._wall = wall
        self._booked = 0
        self._begin = self._end = 0.0

    def used(self, now: float) -> int:
        if now >= self._end:
            self._turn(now)
        return self.held + self._booked

    def idle(self, now: float) -> bool:
        return self.used(now) == 0 and not self.held

    def book(self, amount: int, now: float) -> None:
        if now >= self._end:
            self._turn(now)
        self._booked += amount

    def take_back(self, amount: int, booked: float) -> None:
        if booked >= self._begin:
            self._booked -= amount

    def room_after(self, excess: int, now: float) -> float | None:
        return self._end - now if excess <= self._booked else None

    def whole_after(self, now: float, more: int = 0) -> float | None:
        if now >= self._end:
            self._turn(now)
        return self._end - now if self._booked or self.held or more else 0.0

    def told_until(self, now: float) -> float:
        """Return the end of the period."""
        if now >= self._end:
            self._turn(now)
        return self._end

    def clear(self) -> None:
        self._booked = 0

    def state(self) -> Sequence[float]:
        """Return the begin of the period, and the amount booked in it."""
        return [self._begin, self._booked]

    def load(self, state: Sequence[float], now: float) -> None:
        begin, booked = state
        self._turn(max(begin, now))
        if begin >= self._begin:
            self._booked = int(booked)

    def step(self, now: float) -> bool:
        """Let what is booked count in the period that the wall clock shows since it was set.

        It may so count for longer than its own period was, but never for less. Returns whether
        anything is booked. Look at `used` before the wall clock is set: it ends what is over.
        """
        begin, booked = self._begin, self._booked
        self._turn(now)
        # What was taken before its first period is not in it: a release must not take it back.
        self._begin, self._booked = max(begin, self._begin), booked
        return booked != 0

    def _turn(self, now: float) -> None:
        ahead = self._wall.ahead
        begin, end = bounds(self._spec, now + ahead)
        self._begin, self._end = begin - ahead, end - ahead
        self._booked = 0


class Forever:
    """A `Window` over all time."""

    __slots__ = ("_booked", "asked", "held")

    def __init__(self) -> None:
        self.asked: Asked = (None, None)
        self.held = 0
        self._booked = 0

    def used(self, now: float) -> int:
        return self.held + self._booked

    def idle(self, now: float) -> bool:
        return not self._booked and not self.held

    def book(self, amount: int, now: float) -> None:
        self._booked += amount

    def take_back(self, amount: int, booked: float) -> None:
        self._booked -= amount

    def room_after(self, excess: int, now: float) -> float | None:
        """Return None: only held amounts can go."""
        return None

    def whole_after(self, now: float, more: int = 0) -> float | None:
        """Return None if anything is booked, since it never leaves."""
        return None if self._booked else 0.0

    def told_until(self, now: float) -> float:
        """Return infinity: a threshold is reported once."""
        return math.inf

    def clear(self) -> None:
        self._booked = 0

    def state(self) -> Sequence[float]:
        """Return the booked amount."""
        return [self._booked]

    def load(self, state: Sequence[float], now: float) -> None:
        self._booked = int(state[0])

"""A month of the books: from its anchor day to the next one's, at midnight in a time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from extauth.errors import InvalidRequest

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAY = 86_400
_TEXT = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


class Month(NamedTuple):
    """`begin` and `end` are unix seconds; the end is no more in it.

    Usage is kept by UTC days: `first` and `last` are those whose usage is counted to the month.
    In another time zone than UTC, a day's usage so belongs to the month that has most of its day.
    """

    begin: float
    end: float

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo, anchor: int) -> Month:
        """`2026-11`: the month that begins on its day `anchor`. Raises InvalidRequest."""
        match = _TEXT.fullmatch(text)
        if match is None or match[1] == "0000" or text == "9999-12":
            raise InvalidRequest(f"{text} is not a month like 2026-11", param="month")
        return cls._of(int(match[1]), int(match[2]), zone, anchor)

    @classmethod
    def at(cls, now: float, zone: ZoneInfo, anchor: int) -> Month:
        """The month that `now` lies in."""
        today = datetime.fromtimestamp(now, zone)
        if today.day >= anchor:
            return cls._of(today.year, today.month, zone, anchor)
        before = today.replace(day=1) - timedelta(days=1)
        return cls._of(before.year, before.month, zone, anchor)

    @classmethod
    def _of(cls, year: int, month: int, zone: ZoneInfo, anchor: int) -> Month:
        first = datetime(year, month, anchor, tzinfo=zone)
        following = datetime(year + month // 12, month % 12 + 1, anchor, tzinfo=zone)
        return cls(first.timestamp(), following.timestamp())

    @property
    def first(self) -> str:
        """The first UTC day, `2026-11-01`."""
        return _day(self.begin).isoformat()

    @property
    def last(self) -> str:
        """The last UTC day."""
        return (_day(self.end) - timedelta(days=1)).isoformat()

    def elapsed(self, now: float) -> float:
        """The share that has passed at `now`, 0 to 1."""
        return min(1.0, max(0.0, (now - self.begin) / (self.end - self.begin)))


def _day(moment: float) -> date:
    """The UTC day whose beginning is nearest to a midnight of any zone."""
    return datetime.fromtimestamp(moment + DAY / 2, UTC).date()

"""A billing month: from its anchor day to the next month's, at midnight in a time zone."""

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
    """A month from `begin` to before `end`, in unix seconds.

    Usage is kept by UTC days: `first` and `last` are the days whose usage is counted in the month.
    In a time zone other than UTC, a UTC day belongs to the month that has most of it.
    """

    begin: float
    end: float

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo, anchor: int) -> Month:
        """Return the month that begins on day `anchor` of `text`, such as `2026-11`.

        Raises InvalidRequest for any other text.
        """
        match = _TEXT.fullmatch(text)
        if match is None or match[1] == "0000" or text == "9999-12":
            raise InvalidRequest(f"{text} is not a month like 2026-11", param="month")
        return cls._of(int(match[1]), int(match[2]), zone, anchor)

    @classmethod
    def at(cls, now: float, zone: ZoneInfo, anchor: int) -> Month:
        """Return the month that contains `now`."""
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
        """The first UTC day, as in `2026-11-01`."""
        return _day(self.begin).isoformat()

    @property
    def last(self) -> str:
        """The last UTC day, included in the month."""
        return (_day(self.end) - timedelta(days=1)).isoformat()

    def elapsed(self, now: float) -> float:
        """Return the share of the month that has passed at `now`, 0 to 1."""
        return min(1.0, max(0.0, (now - self.begin) / (self.end - self.begin)))


def _day(moment: float) -> date:
    """Return the UTC day whose beginning is nearest to `moment`, a midnight of some time zone."""
    return datetime.fromtimestamp(moment + DAY / 2, UTC).date()

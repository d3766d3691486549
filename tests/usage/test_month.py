"""Months begin on their anchor day, at midnight in their time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.errors import InvalidRequest
from extauth.usage import Month

ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "zone", "anchor", "begin", "end"),
    [
        ("2026-11", "UTC", 1, "2026-11-01", "2026-12-01"),
        ("2026-12", "UTC", 1, "2026-12-01", "2027-01-01"),
        ("2026-11", "UTC", 15, "2026-11-15", "2026-12-15"),
        # The clocks change on the 29th: that month is an hour shorter.
        ("2026-03", "Europe/Berlin", 1, "2026-02-28T23:00", "2026-03-31T22:00"),
        ("2026-11", "America/Los_Angeles", 1, "2026-11-01T07:00", "2026-12-01T08:00"),
    ],
)
def test_a_month_is_named_by_where_it_begins(
    text: str, zone: str, anchor: int, begin: str, end: str
) -> None:
    month = Month.parse(text, ZoneInfo(zone), anchor)

    assert (month.begin, month.end) == (at(begin), at(end))


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("UTC", "2026-11-15", "2026-12-14"),
        ("Europe/Berlin", "2026-11-15", "2026-12-14"),
        ("America/Los_Angeles", "2026-11-15", "2026-12-14"),
        ("Asia/Kolkata", "2026-11-15", "2026-12-14"),
    ],
)
def test_its_usage_is_that_of_the_days_of_utc(zone: str, first: str, last: str) -> None:
    month = Month.parse("2026-11", ZoneInfo(zone), 15)

    assert (month.first, month.last) == (first, last)


@pytest.mark.parametrize(
    "text", ["2026", "2026-13", "2026-00", "26-11", "2026-11-01", "0000-01", ""]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="not a month like 2026-11"):
        Month.parse(text, ZoneInfo("UTC"), 1)


@given(
    st.integers(0, 4_000_000_000),
    st.sampled_from(ZONES),
    st.integers(1, 28),
)
def test_every_moment_lies_in_one_month_and_they_follow_each_other(
    now: int, zone: str, anchor: int
) -> None:
    month = Month.at(now, ZoneInfo(zone), anchor)
    following = Month.at(month.end, ZoneInfo(zone), anchor)

    assert month.begin <= now < month.end
    assert following.begin == month.end
    assert month.last < following.first
    assert 0 <= month.elapsed(now) < 1
    assert (month.elapsed(month.begin - 9), month.elapsed(month.end + 9)) == (0, 1)

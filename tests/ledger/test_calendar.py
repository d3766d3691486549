"""Calendar periods begin and end right in every zone and through every change of clocks."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.errors import PolicyError
from extauth.ledger.calendar import Forever, Period, Wall, bounds
from extauth.types import CalendarPeriod

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
SPECS = st.builds(
    CalendarPeriod, st.sampled_from(["hour", "day", "month"]), st.sampled_from(ZONES),
    st.integers(1, 28),
)  # fmt: skip
DAY = 86_400
TIMES = st.floats(1_600_000_000, 2_000_000_000)


def at(text: str, zone: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@given(SPECS, TIMES)
def test_periods_follow_each_other_without_a_gap(spec: CalendarPeriod, now: float) -> None:
    begin, end = bounds(spec, now)
    assert begin <= now < end
    assert bounds(spec, begin) == (begin, end)
    assert bounds(spec, end)[0] == end
    assert bounds(spec, begin - 0.001)[1] == begin


def test_a_month_begins_on_its_anchor_at_local_midnight() -> None:
    spec = CalendarPeriod("month", "Europe/Berlin", 15)
    found = bounds(spec, at("2026-03-20T12:00:00", "Europe/Berlin"))
    assert found == (
        at("2026-03-15T00:00:00", "Europe/Berlin"),
        at("2026-04-15T00:00:00", "Europe/Berlin"),
    )
    before = bounds(spec, at("2026-01-14T23:59:59", "Europe/Berlin"))
    assert before[0] == at("2025-12-15T00:00:00", "Europe/Berlin")


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_the_day_on_which_clocks_change_is_shorter_or_longer(day: str, hours: int) -> None:
    spec = CalendarPeriod("day", "Europe/Berlin")
    begin, end = bounds(spec, at(f"{day}T12:00:00", "Europe/Berlin"))
    assert end - begin == hours * 3600


def test_an_hour_that_comes_twice_is_two() -> None:
    spec = CalendarPeriod("hour", "Europe/Berlin")
    first = at("2026-10-25T02:30:00", "Europe/Berlin")
    assert bounds(spec, first + 3600)[0] == bounds(spec, first)[1]


def test_what_is_booked_counts_to_the_end_of_its_period() -> None:
    period = Period(CalendarPeriod("day"), Wall())
    noon = at("2026-05-01T12:00:00", "UTC")
    period.book(70, noon)
    period.held += 10
    assert period.used(noon + 11 * 3600) == 80
    assert period.room_after(1, noon) == 12 * 3600
    assert period.room_after(71, noon) is None
    assert period.used(noon + 12 * 3600) == 10


def test_what_was_booked_in_a_period_that_is_over_is_not_taken_back() -> None:
    period = Period(CalendarPeriod("day"), Wall())
    noon = at("2026-05-01T12:00:00", "UTC")
    period.book(5, noon)
    period.book(3, noon + 86_400)
    period.take_back(5, noon)
    assert period.used(noon + 86_400) == 3


def test_a_period_goes_on_after_a_restart_and_a_past_one_does_not() -> None:
    spec, noon = CalendarPeriod("day"), at("2026-05-01T12:00:00", "UTC")
    period = Period(spec, Wall())
    period.book(70, noon)
    same, later = Period(spec, Wall()), Period(spec, Wall())
    same.load(period.state(), noon + 3600)
    later.load(period.state(), noon + 86_400)
    assert same.used(noon + 3600) == 70
    assert later.used(noon + 86_400) == 0


@pytest.mark.parametrize("by", [-40 * DAY, -DAY, -7 * 3600, -60, 60, 7 * 3600, DAY, 400 * DAY])
def test_a_step_of_the_wall_clock_moves_what_is_booked_into_the_period_it_shows(by: float) -> None:
    wall, noon = Wall(), at("2026-05-01T12:00:00", "UTC")
    period = Period(CalendarPeriod("day"), wall)
    period.book(5, noon - DAY)
    period.book(70, noon)
    assert period.used(noon + 60) == 70

    wall.ahead += by
    assert period.step(noon + 60)

    _, end = bounds(CalendarPeriod("day"), noon + 60 + by)
    assert period.told_until(noon + 60) == end - by
    assert period.used(end - by - 1) == 70
    assert period.used(end - by) == 0
    assert period.told_until(end - by) == end - by + DAY


def test_after_a_step_a_release_takes_back_what_is_in_the_period_and_nothing_else() -> None:
    wall, noon = Wall(), at("2026-05-01T12:00:00", "UTC")
    period = Period(CalendarPeriod("day"), wall)
    period.book(5, noon - 13 * 3600)
    period.book(3, noon)
    wall.ahead -= 20 * 3600
    period.step(noon)
    # Yesterday evening, which is in today's period since.
    period.take_back(5, noon - 13 * 3600)
    assert period.used(noon) == 3
    period.take_back(3, noon)
    assert period.used(noon) == 0
    assert not period.step(noon)


@pytest.mark.parametrize("by", [-DAY, -3600, 3600, DAY])
def test_a_stepped_period_goes_on_after_a_restart(by: float) -> None:
    wall, noon = Wall(), at("2026-05-01T12:00:00", "UTC")
    period, same = Period(CalendarPeriod("day"), wall), Period(CalendarPeriod("day"), wall)
    period.book(70, noon)
    wall.ahead += by
    period.step(noon)
    same.load(period.state(), noon + 1)
    assert same.used(noon + 1) == 70
    assert same.told_until(noon + 1) == period.told_until(noon + 1)


def test_an_unknown_time_zone_is_the_policys_mistake() -> None:
    with pytest.raises(PolicyError, match="Europe/Berlim"):
        Period(CalendarPeriod("day", "Europe/Berlim"), Wall())


def test_a_lifetime_forgets_nothing() -> None:
    ever = Forever()
    ever.book(5, 0.0)
    assert ever.used(1e12) == 5
    assert ever.room_after(1, 1e12) is None
    assert ever.whole_after(1e12) is None
    ever.take_back(5, 0.0)
    assert ever.whole_after(1e12) == 0.0

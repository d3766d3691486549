"""The forecast of a month: its rate so far, and from the eighth day on that of the last week."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from extauth.ledger.reports import Selection
from extauth.usage import Budget, Budgets, Forecast, Month
from extauth.usage.forecast import forecast

from .lines import line

NOVEMBER = Month.parse("2026-11", ZoneInfo("UTC"), 1)
BUDGETS = Budgets(tenants={"acme": Budget(5000)}, teams={"acme": {"research": Budget(300)}})


def ahead(found: list[object], now: str, *by: str, month: Month = NOVEMBER) -> tuple[Forecast, ...]:
    return forecast(
        found,  # type: ignore[arg-type]  # lines, which need no naming here
        by=by or ("tenant",),
        selection=Selection(),
        month=month,
        now=datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp(),
        budgets=BUDGETS,
    )


def test_in_the_first_week_it_is_the_share_of_the_month() -> None:
    lines = [line("2026-11-01", cost=100, prompt_tokens=10), line("2026-11-03", cost=50)]

    (row,) = ahead([*lines], "2026-11-04T00:00")

    assert (row.cost, row.forecast_cost) == (150, 1500)
    assert (row.tokens, row.forecast_tokens) == (10, 100)


def test_from_the_eighth_day_on_the_last_week_goes_on() -> None:
    """The expensive first week is over; each of the last seven days took 10."""
    lines = [line("2026-11-02", cost=7000)]
    lines += [line(f"2026-11-{day:02}", cost=10) for day in range(13, 20)]
    lines += [line("2026-11-20", cost=3)]

    (row,) = ahead([*lines], "2026-11-20T12:00")

    assert row.cost == 7073
    assert row.forecast_cost == 7073 + 105  # 10.5 days are left


def test_the_days_before_the_month_count_nowhere() -> None:
    lines = [line("2026-10-31", cost=900), line("2026-11-01", cost=10), line("2026-12-01", cost=9)]

    (row,) = ahead([*lines], "2026-11-04T00:00")

    assert (row.cost, row.forecast_cost) == (10, 100)


def test_a_month_that_is_over_is_what_it_was() -> None:
    (row,) = ahead([line("2026-11-05", cost=10)], "2027-02-01T00:00")

    assert (row.cost, row.forecast_cost) == (10, 10)


def test_budgets_belong_to_tenants_and_to_their_teams() -> None:
    lines = [
        line("2026-11-01", cost=1),
        line("2026-11-01", cost=2, team="research"),
        line("2026-11-01", "globex", cost=3, team="research"),
    ]

    tenants = ahead([*lines], "2026-11-02T00:00")
    teams = ahead([*lines], "2026-11-02T00:00", "tenant", "team")
    models = ahead([*lines], "2026-11-02T00:00", "tenant", "model")

    assert [(row.cost, row.budget) for row in tenants] == [(3, 5000), (3, None)]
    assert [(row.cost, row.budget) for row in teams] == [(1, None), (2, 300), (3, None)]
    assert [row.budget for row in models] == [None, None]


@given(st.integers(1, 10**9), st.integers(0, 30 * 24 - 1))
def test_what_is_used_evenly_goes_on_evenly(daily: int, hour: int) -> None:
    """Whole days of even use are forecast exactly, but for the rest of the current day."""
    now = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour)
    first = date(2026, 11, 1)
    lines = [
        line((first + timedelta(days=day)).isoformat(), cost=daily)
        for day in range((now.date() - first).days)
    ]
    rows = ahead([*lines], now.replace(tzinfo=None).isoformat())

    for row in rows:
        part = now.hour / 24
        if now.day > 7:
            assert abs(row.forecast_cost - daily * (30 - part)) <= 1
        else:
            assert row.forecast_cost <= daily * 30 + 1

"""Booked usage counts for its window, on the embedded and on the shared ledger."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from extauth.types import (
    CalendarPeriod,
    TokenBucket,
    Usage,
)
from tests.ledger.contract import (
    BUCKET,
    DAY,
    NOW,
    ONCE,
    RPM,
    TPM,
    Books,
    demand,
    limit,
    refused,
    reserve,
    spend,
    used,
)

if TYPE_CHECKING:
    from extauth.types import Window


@pytest.mark.parametrize(
    "window", [7, 60, 86_400, TokenBucket(10, 60), CalendarPeriod("hour", "Asia/Kolkata")]
)
async def test_retry_after_is_true(books: Books, window: Window) -> None:
    counted = limit("tokens", window, 100)
    await spend(books, counted, 70)
    books.time.now += 1
    wait = (await refused(books, demand(counted, worst=50))).retry_after

    assert wait is not None
    books.time.now += wait - 0.01
    await refused(books, demand(counted, worst=50))
    books.time.now += 0.02
    await reserve(books, demand(counted, worst=50))


async def test_retry_after_waits_until_enough_has_left(books: Books) -> None:
    for _ in range(3):
        await spend(books, TPM, 300)
        books.time.now += 10
    waits = [
        (await refused(books, demand(TPM, worst=worst))).retry_after for worst in (200, 500, 900)
    ]

    assert waits == [pytest.approx(seconds, abs=0.01) for seconds in (31, 41, 51)]


@pytest.mark.parametrize("seconds", [1, 60, 3600, 86_400])
async def test_an_amount_counts_for_a_rolling_window_and_a_sixtieth(
    books: Books, seconds: int
) -> None:
    counted = limit("tokens", seconds, 100)
    await spend(books, counted, 100)

    books.time.now = NOW + seconds
    assert await used(books, counted) == 100
    books.time.now = NOW + seconds * 61 / 60 + 0.002
    assert await used(books, counted) == 0


async def test_what_came_earlier_leaves_earlier(books: Books) -> None:
    """A counter whose expiry is renewed by every increment never empties under traffic."""
    for _ in range(12):
        await spend(books, TPM, 10)
        books.time.now += 10

    assert await used(books, TPM) == 60


async def test_a_window_that_nobody_used_for_long_is_empty(books: Books) -> None:
    await spend(books, TPM, 1000)
    books.time.now += 1_000_000

    assert await used(books, TPM) == 0
    await spend(books, TPM, 1000)
    assert await used(books, TPM) == 1000


async def test_a_bucket_drains(books: Books) -> None:
    await spend(books, BUCKET, 100)
    assert (await refused(books, demand(BUCKET, worst=10))).retry_after == pytest.approx(60)
    books.time.now += 30
    assert await used(books, BUCKET) == 95
    books.time.now += 6000
    assert await used(books, BUCKET) == 0


@pytest.mark.parametrize(
    ("period", "begins", "seconds"),
    [
        (CalendarPeriod("hour", "Asia/Kolkata"), "2027-03-10T09:00+05:30", 3600),
        (CalendarPeriod("day"), "2027-03-10T00:00+00:00", 86_400),
        (CalendarPeriod("day", "Europe/Berlin"), "2027-03-28T00:00+01:00", 23 * 3600),
        (CalendarPeriod("day", "Europe/Berlin"), "2026-10-25T00:00+02:00", 25 * 3600),
        (CalendarPeriod("month", "Europe/Berlin"), "2027-02-01T00:00+01:00", 28 * 86_400),
        (CalendarPeriod("month", "UTC", 15), "2027-02-15T00:00+00:00", 28 * 86_400),
    ],
)
async def test_a_calendar_period_ends_when_the_calendar_says(
    books: Books, period: CalendarPeriod, begins: str, seconds: int
) -> None:
    begin = datetime.fromisoformat(begins).timestamp()
    counted = limit("tokens", period, 100)
    books.time.now = begin - 1
    await spend(books, counted, 100)

    books.time.now = begin
    assert await used(books, counted) == 0
    await spend(books, counted, 100)
    books.time.now = begin + seconds - 1
    assert await used(books, counted) == 100
    (state,) = (await refused(books, demand(counted, worst=1))).states
    assert state.reset == 1
    books.time.now = begin + seconds
    assert await used(books, counted) == 0


async def test_a_lifetime_never_ends(books: Books) -> None:
    await spend(books, ONCE, 1000)
    books.time.now += 10 * 365 * 86_400

    assert (await refused(books, demand(ONCE, worst=1))).retry_after is None


async def test_the_states_tell_what_remains_and_until_when(books: Books) -> None:
    books.time.now = 1_790_000_040.0
    reservation = await reserve(
        books,
        demand(
            RPM, BUCKET, DAY, ONCE, limit("seconds", 60, 10), worst=Usage(0, 60, milliseconds=2500)
        ),
    )

    assert [state.remaining for state in reservation.states] == [2, 40, 940, 940, 7]
    resets = [state.reset for state in reservation.states]
    midnight = datetime(2026, 9, 22, tzinfo=ZoneInfo("UTC")).timestamp()
    assert resets[0] == pytest.approx(61, abs=0.01)
    assert resets[1:4] == [pytest.approx(360), midnight - 1_790_000_040, 0]
    assert reservation.granted == (1, 60, 60, 60, 2)

"""The wall clock is set: what is booked goes on counting as long as it had left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.errors import LimitExceeded
from extauth.ledger.book import Book
from extauth.ledger.calendar import bounds
from extauth.ledger.ledger import Counter, Reservation
from extauth.ledger.lines import Lines
from extauth.types import CalendarPeriod, Limit, TokenBucket, Usage
from tests.ledger.contract import ADA, demand
from tests.ledger.contract import NOW as START

if TYPE_CHECKING:
    from extauth.types import Crossing, Window

pytestmark = pytest.mark.slow

RPM = Limit("requests_per_minute", "tenant:acme", "requests", 60, 5)
TPM = Limit("tokens_per_minute", "tenant:acme", "tokens", 60, 1000)
COUNTED = tuple(Counter(each.key, each.unit, each.window) for each in (RPM, TPM))


def reserve(book: Book, tokens: int, *limits: Limit, now: float = START) -> Reservation:
    reservation, _ = book.reserve(ADA, demand(*limits, worst=tokens), now)
    return reservation


HOUR, DAY, YEAR = 3600, 86_400, 365 * 86_400
STEPS = pytest.mark.parametrize("by", [-YEAR, -DAY, -HOUR, -2.5, 2.5, HOUR, DAY, YEAR])


def spend(book: Book, tokens: int, limit: Limit, now: float) -> list[Crossing]:
    settled = book.settle(reserve(book, tokens, limit, now=now), Usage(tokens), now)
    assert settled is not None
    return list(settled[1])


@STEPS
def test_a_minute_stays_a_minute_whatever_the_wall_clock_is_set_to(by: float) -> None:
    book = Book()
    spend(book, 1000, TPM, START)

    book.step(by, START + 30 + by)

    with pytest.raises(LimitExceeded) as refused:
        reserve(book, 1, TPM, now=START + 59 + by)
    assert refused.value.retry_after == pytest.approx(2, abs=0.01)
    reserve(book, 1000, TPM, now=START + 62 + by)


@STEPS
def test_a_bucket_refills_at_its_pace_whatever_the_wall_clock_is_set_to(by: float) -> None:
    book, counter = Book(), Counter("key", "tokens", TokenBucket(10, 60))
    spend(book, 100, Limit("bucket", "key", "tokens", TokenBucket(10, 60), 100), START)

    book.step(by, START + 60 + by)

    assert book.usage((counter,), START + 60 + by) == (90,)
    assert book.usage((counter,), START + 120 + by) == (80,)


@STEPS
def test_a_day_moves_along_to_the_one_that_the_wall_clock_shows(by: float) -> None:
    book, counter = Book(), Counter("key", "tokens", CalendarPeriod("day"))
    spend(book, 100, Limit("day", "key", "tokens", CalendarPeriod("day"), 100), START)

    book.step(by, START + by)

    _, midnight = bounds(CalendarPeriod("day"), START + by)
    assert [each.resets_at for each in book.standing("key", START + by)] == [midnight]
    assert book.usage((counter,), midnight - 1) == (100,)
    assert book.usage((counter,), midnight) == (0,)


def test_a_day_that_was_over_when_the_wall_clock_was_set_back_stays_over() -> None:
    book, counter = Book(), Counter("key", "tokens", CalendarPeriod("day"))
    spend(book, 100, Limit("day", "key", "tokens", CalendarPeriod("day"), 100), START)

    # Nobody has looked since.
    book.step(-HOUR, START + DAY - HOUR)

    assert book.usage((counter,), START + DAY - HOUR) == (0,)


@STEPS
@pytest.mark.parametrize("window", [3600, CalendarPeriod("day"), TokenBucket(10, 60)])
def test_a_threshold_is_told_once_a_window_whatever_the_wall_clock_is_set_to(
    by: float, window: Window
) -> None:
    book = Book()
    limit = Limit("tokens", "key", "tokens", window, 100, on_exceed="warn", warn_at=(50,))
    assert len(spend(book, 60, limit, START)) == 1

    book.step(by, START + by)
    latest = START + 30 + by
    if isinstance(window, CalendarPeriod):
        _, midnight = bounds(window, START + by)
        latest = midnight - 1

    assert spend(book, 1, limit, latest) == []
    (crossing,) = spend(book, 60, limit, START + 2 * DAY + by)
    assert crossing.resets_at is not None
    assert START + 2 * DAY + by < crossing.resets_at <= START + 3 * DAY + by


def test_a_reservation_that_was_open_while_the_wall_clock_was_set_ends_as_ever() -> None:
    book = Book()
    released, settled = reserve(book, 400, RPM, TPM), reserve(book, 300, RPM, TPM)
    book.step(-YEAR, START + 1 - YEAR)
    now = START + 5 - YEAR

    assert book.release(released, now)
    assert book.settle(settled, Usage(100), now)

    assert book.usage(COUNTED, now) == (1, 100)
    assert book.usage(COUNTED, now + 58) == (0, 100)
    assert book.usage(COUNTED, now + 62) == (0, 0)


def test_the_day_of_a_usage_line_is_the_one_that_the_wall_clock_showed() -> None:
    book, lines, limit = Book(), Lines(), Limit("day", "key", "tokens", 60, 1000)

    def request(now: float) -> None:
        reservation, entry = book.reserve(ADA, demand(limit, worst=10), now)
        settled = book.settle(reservation, Usage(10), now)
        assert settled is not None
        lines.apply(entry)
        lines.apply(settled[0])

    request(START)
    lines.apply(book.step(-2 * DAY, START - 2 * DAY))
    request(START - 2 * DAY)

    assert [line.day for line in lines.used] == ["2026-09-21", "2026-09-19"]

"""What a request adds to counters that also rise by the clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gate.counting import Reading, per_request, rates

LOOP, TICKER, WRITER = 0, 1, 2


def test_a_rate_is_by_the_second() -> None:
    readings = [Reading({LOOP: 100, TICKER: 0}, 10.0), Reading({LOOP: 400, TICKER: 20}, 12.0)]
    assert rates(readings) == {LOOP: 150, TICKER: 10}


def test_a_second_in_which_ticks_were_missed_does_not_count() -> None:
    counts = [0, 100, 200, 220, 320, 420]
    readings = [Reading({TICKER: count}, float(n)) for n, count in enumerate(counts)]
    assert rates(readings) == {TICKER: 100}


def test_a_thread_that_has_just_begun_has_a_rate() -> None:
    assert rates([Reading({}, 0.0), Reading({WRITER: 50}, 1.0)]) == {WRITER: 50}


def test_a_request_costs_its_share_of_what_all_threads_counted() -> None:
    before = Reading({LOOP: 500, WRITER: 100}, 0.0)
    after = Reading({LOOP: 2500, WRITER: 200}, 10.0)
    assert per_request(before, after, {LOOP: 0.0, WRITER: 0.0}, count=100) == 21


def test_what_is_done_by_the_clock_is_no_requests() -> None:
    # 2,000 in 10 s, of which 50 a second would have been there anyway.
    before, after = Reading({LOOP: 500}, 0.0), Reading({LOOP: 2500}, 10.0)
    assert per_request(before, after, {LOOP: 50.0}, count=100) == 15


def test_a_thread_that_misses_its_ticks_takes_nothing_off_the_others() -> None:
    before = Reading({LOOP: 0, TICKER: 0}, 0.0)
    after = Reading({LOOP: 2000, TICKER: 300}, 10.0)
    assert per_request(before, after, {LOOP: 0.0, TICKER: 100.0}, count=100) == 20


def test_a_thread_that_begins_with_the_requests_counts_whole() -> None:
    before, after = Reading({LOOP: 0}, 0.0), Reading({LOOP: 1000, WRITER: 500}, 10.0)
    assert per_request(before, after, {LOOP: 0.0}, count=100) == 15


@given(
    cost=st.integers(1, 10_000_000),
    idle=st.integers(0, 3_000_000),
    count=st.integers(1, 1000),
    start=st.integers(0, 10**12),
    seconds=st.integers(1, 600),
)
def test_a_slow_machine_changes_nothing(
    cost: int, idle: int, count: int, start: int, seconds: int
) -> None:
    before = Reading({LOOP: start}, 1000.0)
    after = Reading({LOOP: start + cost * count + idle * seconds}, 1000.0 + seconds)
    assert per_request(before, after, {LOOP: idle}, count) == pytest.approx(cost)

"""What a request adds to a counter that also rises by the clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gate.counting import Reading, per_request, rate


def test_a_rate_is_by_the_second() -> None:
    assert rate(Reading(100, 10.0), Reading(400, 12.0)) == 150


def test_a_request_costs_its_share_of_what_was_counted() -> None:
    assert per_request(Reading(500, 0.0), Reading(2500, 10.0), idle=0, count=100) == 20


def test_what_is_done_by_the_clock_is_no_requests() -> None:
    # 2,000 in 10 s, of which 50 a second would have been there anyway.
    assert per_request(Reading(500, 0.0), Reading(2500, 10.0), idle=50, count=100) == 15


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
    before = Reading(start, 1000.0)
    after = Reading(start + cost * count + idle * seconds, 1000.0 + seconds)
    assert per_request(before, after, idle, count) == pytest.approx(cost)

"""Token buckets against an oracle in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.ledger.bucket import LeakyBucket

START = 1_790_000_000.0
STEPS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 50)), min_size=1, max_size=40)


@given(st.integers(1, 20), st.integers(1, 120), STEPS)
def test_what_was_used_flows_off_at_its_rate_and_never_below_nothing(
    refill: int, seconds: int, steps: list[tuple[int, int]]
) -> None:
    level, exact, now = LeakyBucket(refill, seconds), Fraction(0), START
    for passed, amount in steps:
        now += passed
        exact = max(Fraction(0), exact - Fraction(passed * refill, seconds)) + amount
        level.book(amount, now)
        assert exact <= level.used(now) + Fraction(1, 1000)
        assert level.used(now) < exact + 1


@given(st.integers(1, 20), st.integers(1, 120), STEPS, st.integers(1, 60))
def test_tells_when_there_will_be_room(
    refill: int, seconds: int, steps: list[tuple[int, int]], excess: int
) -> None:
    level, now = LeakyBucket(refill, seconds), START
    for passed, amount in steps:
        now += passed
        level.book(amount, now)
    used = level.used(now)
    wait = level.room_after(excess, now)
    if wait is None:
        assert excess > used
    else:
        assert level.used(now + wait + 1e-4) <= used - excess


def test_a_burst_and_then_the_rate() -> None:
    level = LeakyBucket(refill=10, seconds=60)
    level.book(20, START)
    assert level.used(START) == 20
    assert level.used(START + 6) == 19
    assert level.used(START + 60) == 10
    assert level.used(START + 500) == 0


def test_what_is_held_does_not_flow_off() -> None:
    level = LeakyBucket(refill=10, seconds=60)
    level.held += 5
    assert level.used(START + 1000) == 5
    assert level.room_after(1, START + 1000) is None


def test_goes_on_after_a_restart() -> None:
    level, again = LeakyBucket(1, 1), LeakyBucket(1, 1)
    level.book(100, START)
    again.load(level.state(), START + 30)
    assert again.used(START + 30) == level.used(START + 30) == 70


def test_time_that_steps_back_stands_still() -> None:
    level = LeakyBucket(1, 1)
    level.book(100, START)
    assert level.used(START + 50) == 50
    assert level.used(START) == 50
    assert level.whole_after(START + 50) == pytest.approx(50)

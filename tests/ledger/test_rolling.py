"""Rolling windows against an oracle that remembers every amount and its time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.ledger.rolling import BUCKETS, Rolling

SECONDS = st.sampled_from([1, 7, 60, 3600, 86_400])
STEPS = st.lists(
    st.tuples(st.floats(-0.5, 1.5), st.integers(0, 1000)), min_size=1, max_size=40
)  # fractions of the window, amounts
START = 1_790_000_000.25
BLUR = 0.01


class Oracle:
    """An exact window of the last `seconds`, and at most one bucket more."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self.booked: list[tuple[float, int]] = []

    def exact(self, now: float) -> int:
        return sum(amount for time, amount in self.booked if time > now - self.seconds)

    def blurred(self, now: float) -> int:
        longest = self.seconds * (1 + 1 / BUCKETS) + BLUR
        return sum(amount for time, amount in self.booked if time > now - longest)


def replay(seconds: int, steps: list[tuple[float, int]]) -> tuple[Rolling, Oracle, float]:
    """Return a window and an oracle after the same bookings; the clock steps back at times."""
    window, oracle, clock, now = Rolling(seconds), Oracle(seconds), START, 0.0
    for fraction, amount in steps:
        clock += fraction * seconds
        now = max(now, clock)
        window.book(amount, clock)
        oracle.booked.append((now, amount))
        used = window.used(clock)
        assert oracle.exact(now) <= used <= oracle.blurred(now)
    return window, oracle, now


@given(SECONDS, STEPS)
def test_counts_for_its_window_and_at_most_a_bucket_longer(
    seconds: int, steps: list[tuple[float, int]]
) -> None:
    replay(seconds, steps)


@given(SECONDS, STEPS, st.data())
def test_tells_when_there_will_be_room(
    seconds: int, steps: list[tuple[float, int]], data: st.DataObject
) -> None:
    window, _, now = replay(seconds, steps)
    used = window.used(now)
    if used == 0:
        assert window.whole_after(now) == 0.0
        return
    amount = data.draw(st.integers(1, used))

    wait = window.room_after(amount, now)

    assert wait is not None
    assert window.used(now + wait) <= used - amount


@given(SECONDS, STEPS)
def test_is_whole_when_it_says_so(seconds: int, steps: list[tuple[float, int]]) -> None:
    window, _, now = replay(seconds, steps)

    assert window.used(now + window.whole_after(now)) == 0


def test_room_does_not_come_earlier_than_told() -> None:
    window = Rolling(60)
    window.book(5, 600.5)
    window.book(7, 620.5)

    wait = window.room_after(5, 630.0)

    assert wait == pytest.approx(31.0, abs=BLUR)  # 661.0: the bucket of 600.5 is a minute old
    assert window.used(660.99) == 12
    assert window.used(630.0 + wait) == 7


def test_held_amounts_stay_until_they_are_settled() -> None:
    window = Rolling(60)
    window.held += 100

    assert window.used(1e9) == 100
    assert window.room_after(1, 1e9) is None

    window.held -= 100
    window.book(30, 1e9)

    assert window.used(1e9 + 60) == 30
    assert window.used(1e9 + 62) == 0


@given(SECONDS, st.floats(0, 2.5), st.booleans())
def test_taking_back_undoes_a_booking_and_nothing_else(
    seconds: int, later: float, look: bool
) -> None:
    window, untouched = Rolling(seconds), Rolling(seconds)
    now = START + (0.4 + later) * seconds
    window.book(5, START)
    for each in (window, untouched):
        each.book(3, START + 0.4 * seconds)

    if look:  # a window turns when it is looked at
        window.used(now)
    window.take_back(5, START)

    assert window.used(now) == untouched.used(now)


def test_the_clock_may_leap_over_many_windows() -> None:
    window = Rolling(60)
    window.book(9, 0.0)

    assert window.used(1e10) == 0
    window.book(4, 1e10)
    assert window.used(1e10) == 4

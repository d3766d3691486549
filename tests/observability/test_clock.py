"""A clock goes on evenly, and follows the wall clock when somebody sets it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.observability.clock import TOLERANCE, SteadyClock, grain, told

NOW = 1_790_000_000.0
STEPS = st.floats(-2e9, 2e9).filter(lambda step: abs(step) > 2 * TOLERANCE)


class Machine:
    """The clocks of a machine: one that goes on, and one that somebody may set."""

    def __init__(self) -> None:
        self.up = 1000.25
        self.set_to = NOW - self.up

    def wall(self) -> float:
        return self.up + self.set_to

    def clock(self) -> SteadyClock:
        return SteadyClock(self.wall, lambda: self.up)


@given(STEPS, st.floats(0, 1e6))
def test_a_step_of_the_wall_clock_shows_when_it_is_followed_and_not_before(
    step: float, passed: float
) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.set_to += step
    machine.up += passed
    before = clock()

    assert before == pytest.approx(NOW + passed, abs=1e-3)
    followed = clock.follow()

    assert followed == pytest.approx(step, abs=1e-3)
    assert clock() == pytest.approx(machine.wall(), abs=1e-3)
    assert clock() - before == pytest.approx(followed, abs=1e-6)
    assert clock.follow() == 0


@pytest.mark.parametrize("off", [-TOLERANCE, -0.3, 0.0, 0.3, TOLERANCE])
def test_what_the_wall_clock_is_off_within_the_tolerance_is_no_step(off: float) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.set_to += off

    assert clock.follow() == 0
    assert clock() == NOW


@given(STEPS, STEPS)
def test_steps_add_up_without_an_error(first: float, second: float) -> None:
    there, back = grain(first), grain(second)

    assert abs(there - first) <= 1 / 1000
    assert (NOW + there + back) - back - there == NOW


def test_it_is_the_machines_own_time() -> None:
    clock = SteadyClock()

    assert clock() == pytest.approx(time.time(), abs=0.5)
    assert clock.follow() == 0


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (-12_000.4, "3 h 20 min back"),
        (1.0, "1 s ahead"),
        (-61, "1 min 1 s back"),
        (86_400 * 366 + 5, "1 year 1 day ahead"),
        (-86_400 * 365 * 2, "2 years back"),
        (0.2, "0 s ahead"),
    ],
)
def test_a_step_is_told_in_words(step: float, words: str) -> None:
    assert told(step) == words

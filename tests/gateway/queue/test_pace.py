"""How fast a line moves, recently."""

from __future__ import annotations

import pytest

from extauth.gateway.queue.pace import MEMORY, Pace


def test_nothing_is_known_before_the_first() -> None:
    pace = Pace(0.0)
    assert pace.interval(100.0) is None


def test_the_first_tells_already() -> None:
    pace = Pace(0.0)
    pace.passed(4.0)
    assert pace.interval(4.0) == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize("interval", [0.001, 0.5, 7.0])
def test_a_steady_pace_is_told(interval: float) -> None:
    pace = Pace(10.0)
    for number in range(1, 2000):
        pace.passed(10.0 + number * interval)
    assert pace.interval(10.0 + 1999 * interval) == pytest.approx(interval, rel=0.1)


def test_bursts_are_told_by_what_they_let_through_in_all() -> None:
    pace = Pace(0.0)
    for minute in range(1, 30):
        for _ in range(60):
            pace.passed(minute * 20.0)
    assert pace.interval(590.0) == pytest.approx(1 / 3, rel=0.15)


def test_what_is_long_ago_is_forgotten() -> None:
    pace = Pace(0.0)
    for second in range(1, 1000):
        pace.passed(float(second))
    for second in range(1000, 1000 + int(5 * MEMORY), 10):
        pace.passed(float(second))
    assert pace.interval(1000 + 5 * MEMORY) == pytest.approx(10, rel=0.1)


def test_standing_still_is_noticed() -> None:
    pace = Pace(0.0)
    for second in range(1, 500):
        pace.passed(float(second))
    assert pace.interval(500 + MEMORY) > 2


def test_a_clock_that_steps_back_stands_still() -> None:
    pace = Pace(10.0)
    pace.passed(11.0)
    assert pace.interval(5.0) == pace.interval(11.0)

"""Time that goes on evenly, and follows the wall clock of the machine when somebody sets it."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.types import Clock

TOLERANCE = 1.0
"""Seconds that the wall clock may be off before it counts as set. NTP's slewing never gets there,
since it changes the pace of the machine's steady clock too."""

# A step is a whole number of these, so that sums and differences of unix seconds stay exact.
_GRAINS = 1024
# With the time that a suspended machine slept, where the system can tell. Requests read it often:
# no Python runs inside.
_steady = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
_UNITS = ((86_400 * 365, "years"), (86_400, "days"), (3600, "h"), (60, "min"), (1, "s"))


class SteadyClock:
    """Unix seconds: a steady clock, plus its distance from one reading of the wall clock.

    Between two calls of `follow` it goes neither back nor ahead of the time that has passed.
    Reading it is safe for any thread.
    """

    __slots__ = ("_distance", "_steady", "_wall")

    def __init__(self, wall: Clock = time.time, steady: Clock = _steady) -> None:
        self._wall = wall
        self._steady = steady
        self._distance = wall() - steady()

    def __call__(self) -> float:
        return self._steady() + self._distance

    def follow(self) -> float:
        """Go by the wall clock again if it was set; return by how many seconds, else 0.

        A clock that was set back gives a negative number.
        """
        step = self._wall() - self()
        if abs(step) <= TOLERANCE:
            return 0.0
        step = grain(step)
        self._distance += step
        return step


def grain(step: float) -> float:
    """Return the seconds of a step, rounded to a fraction that adds up without an error."""
    return round(step * _GRAINS) / _GRAINS


def told(step: float) -> str:
    """Return a step in words, such as `3 h 20 min back` or `1 year 2 days ahead`."""
    left, parts = round(abs(step)), []
    for seconds, unit in _UNITS:
        number, left = divmod(left, seconds)
        if number:
            parts.append(f"{number} {unit.removesuffix('s') if number == 1 < len(unit) else unit}")
    return f"{' '.join(parts[:2]) or '0 s'} {'back' if step < 0 else 'ahead'}"

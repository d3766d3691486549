"""When not to ask: a server that is down must not cost every request its whole timeout."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.types import Clock

FAILURES = 5
"""In a row, until nobody asks any more."""

REST = 5.0
"""Seconds until one request tries again."""


class Breaker:
    """Counts failures in a row. Belongs to one event loop; `clock` is monotonic.

    Who is admitted tells how it went: `answered`, `failed`, or `abandoned` when it never learned.
    """

    __slots__ = ("_clock", "_failures", "_probing", "_until")

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until: float | None = None
        self._probing = False

    @property
    def open(self) -> bool:
        """Whether requests go without."""
        return self._until is not None

    def admits(self) -> bool:
        """Whether to ask now: always while it works, and one at a time after a rest."""
        if self._until is None:
            return True
        if self._probing or self._clock() < self._until:
            return False
        self._probing = True
        return True

    def answered(self) -> None:
        """It answered, well or badly: asking costs no timeout."""
        self._failures = 0
        self._until = None
        self._probing = False

    def failed(self) -> None:
        """Nobody answered."""
        self._failures += 1
        self._probing = False
        if self._failures >= FAILURES:
            self._until = self._clock() + REST

    def abandoned(self) -> None:
        """Who asked did not wait for the answer."""
        self._probing = False

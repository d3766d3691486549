"""A circuit breaker: a server that is down must not cost every request its whole timeout."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.types import Clock

FAILURES = 5
"""Failures in a row that open the breaker."""

REST = 5.0
"""Seconds from the last failure until one request tries again."""


class Breaker:
    """Counts failures in a row. Belongs to one event loop; `clock` is monotonic.

    Each call that is admitted ends with `answered`, `failed`, or with `abandoned` if its outcome is
    unknown.
    """

    __slots__ = ("_clock", "_failures", "_probing", "_until")

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until: float | None = None
        self._probing = False

    @property
    def open(self) -> bool:
        """True if calls are refused, but for a trial after a rest."""
        return self._until is not None

    def admits(self) -> bool:
        """Return whether to call now: always while closed; while open, one trial after a rest."""
        if self._until is None:
            return True
        if self._probing or self._clock() < self._until:
            return False
        self._probing = True
        return True

    def answered(self) -> None:
        """Note that the server answered, well or badly, and close the breaker."""
        self._failures = 0
        self._until = None
        self._probing = False

    def failed(self) -> None:
        """Note that the server did not answer."""
        self._failures += 1
        self._probing = False
        if self._failures >= FAILURES:
            self._until = self._clock() + REST

    def abandoned(self) -> None:
        """Note that the caller did not wait for the answer."""
        self._probing = False

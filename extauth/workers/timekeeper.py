"""The clock of a process, kept true to that of the machine."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from extauth.observability.clock import told

if TYPE_CHECKING:
    from extauth.events import Notifier
    from extauth.ledger import Ledger
    from extauth.observability.clock import SteadyClock
    from extauth.observability.metrics import Metrics

logger = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at the wall clock."""


class Timekeeper:
    """Notices that somebody set the machine's clock, and lets everything booked move along."""

    def __init__(
        self, clock: SteadyClock, ledger: Ledger, events: Notifier, metrics: Metrics, *, tells: bool
    ) -> None:
        """Of the processes of a machine one `tells`: it logs, counts and raises the event."""
        self._clock = clock
        self._ledger = ledger
        self._events = events
        self._steps = metrics.counter(
            "sluice_clock_steps",
            "Times that this machine's clock was set by a second or more: back or ahead.",
            "direction",
        )
        self._tells = tells

    async def keep(self) -> None:
        """Look at the wall clock every second, until cancelled."""
        if self._ledger.moved:
            self._tell(self._ledger.moved)
        while True:
            await asyncio.sleep(LOOK)
            self.look()

    def look(self) -> None:
        """Follow the wall clock, if it was set."""
        step = self._clock.follow()
        if not step:
            return
        # At once, so that no task sees the one without the other.
        self._ledger.step(step, self._clock())
        if self._tells:
            logger.warning(
                "this machine's clock was set %s: what is booked moves along", told(step)
            )
            self._tell(step)

    def _tell(self, step: float) -> None:
        self._steps.add(("back" if step < 0 else "ahead",))
        self._events.stepped(step)

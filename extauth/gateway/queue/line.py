"""The requests that wait for one counter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.gateway.queue.pace import Pace
from extauth.gateway.queue.schedule import Schedule
from extauth.gateway.queue.tier import Tier

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from extauth.gateway.queue.waiter import Waiter
    from extauth.types import Queue

_SOONEST = 0.001
"""Seconds: a ledger that says `now` and refuses again is not asked in a busy loop."""


class Line:
    """A line in which one request at a time has the turn to try, and all others stand.

    The first tries as soon as something is freed, after `poll` seconds at the latest, and earlier
    when it was told when there will be room. Whoever has the turn ends it by `refused`, and goes
    on standing, or by `leave`. Every method is O(log n) or less.
    """

    __slots__ = (
        "_again",
        "_clock",
        "_loop",
        "_pace",
        "_poll",
        "_room_at",
        "_tiers",
        "_timer",
        "_trying",
        "waiting",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float], poll: float
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._poll = poll
        self._pace = Pace(clock())
        self._tiers = Schedule(Tier)
        self._timer: asyncio.TimerHandle | None = None
        self._trying: Waiter | None = None
        self._again = False
        self._room_at: float | None = None
        self.waiting = 0

    def join(self, waiter: Waiter) -> None:
        """Stand, behind those of the same tenant that arrived earlier."""
        self._tiers.enter(waiter.queue.priority, waiter.queue.share).join(waiter)
        self.waiting += 1

    def leave(self, waiter: Waiter, *, served: bool) -> None:
        """Stand no more. Only one who was `served` is charged; a turn it had goes to the next."""
        tier = self._tiers[waiter.queue.priority]
        tier.leave(waiter, served=served)
        if served:
            self._room_at = None
            self._pace.passed(self._clock())
            self._tiers.charge(tier, waiter.queue.share)
        self._tiers.leave(tier)
        self.waiting -= 1
        if self._trying is waiter or not self.waiting:
            self._give()

    def refused(self, retry_after: float | None, *, lasting: float | None, freed: bool) -> None:
        """Note that there was no room: `retry_after` is when there may be, `lasting` the earliest.

        `freed` where something was since the ledger was asked, and this line did not know.
        """
        self._trying = None
        self._room_at = None if lasting is None else self._clock() + lasting
        if freed or self._again:
            self._give()
            return
        if self._timer:
            self._timer.cancel()
        wait = self._poll if retry_after is None else min(self._poll, max(retry_after, _SOONEST))
        self._timer = self._loop.call_later(wait, self._give)

    def wake(self) -> None:
        """Let the first try now, or once more, since something was freed."""
        if self._trying is None:
            self._give()
        else:
            self._again = True

    def standing(self, priority: str) -> int:
        """Count the requests of a class that wait."""
        tier = self._tiers.get(priority)
        return tier.waiting if tier else 0

    def displaceable(self, queue: Queue, tenant: str) -> Waiter | None:
        """Return the waiter of the class that gives its place to one who comes now, if any."""
        tier = self._tiers.get(queue.priority)
        return tier.displaceable(queue, tenant) if tier else None

    def estimate(self, queue: Queue, tenant: str) -> float | None:
        """Return the seconds that one who came now would wait, None where nothing tells."""
        return self._lasting(self._ahead(queue, tenant) + 1)

    def emptied(self) -> float | None:
        """Return the seconds until all who wait had their turns, None where nothing tells."""
        return self._lasting(self.waiting)

    def tenants(self) -> Iterator[tuple[str, int, float]]:
        """Yield the class of every tenant, how many wait, and since when its first does."""
        for tier in self._tiers:
            for tenant in tier.tenants:
                if first := tenant.waiters.first():
                    yield tier.name, tenant.waiting, first.since

    def _lasting(self, turns: float) -> float | None:
        """Return the seconds for so many turns at the recent pace, and until there can be room."""
        now = self._clock()
        interval = self._pace.interval(now)
        room = self._room_at - now if self._room_at is not None else None
        if interval is None:
            return room
        return max(turns * interval, room or 0.0)

    def _ahead(self, queue: Queue, tenant: str) -> float:
        """Estimate the turns that come before that of one who comes now."""
        tier = self._tiers.get(queue.priority)
        among, inside = (tier.waiting, tier.ahead(queue, tenant)) if tier else (0, 0)
        outside = self._tiers.ahead(queue.priority, queue.share, inside)
        return inside + min(outside, self.waiting - among)

    def _give(self) -> None:
        """Give the turn to the first."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._again = False
        tier = self._tiers.first()
        self._trying = tier.first() if tier else None
        if self._trying:
            self._trying.call()

"""The waiting room: requests wait for room here, and are called when it is their turn."""

from __future__ import annotations

import asyncio
from enum import IntEnum
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from extauth.errors import LimitExceeded
from extauth.gateway.queue.line import Line
from extauth.gateway.queue.refusal import (
    Obstacle,
    behind,
    displaced,
    full,
    late,
    obstacle_to,
    too_long,
)
from extauth.gateway.queue.waiter import Waiter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Sequence

    from extauth.types import Limit, Unit, Window

    Counter = tuple[str, Unit, Window]

T = TypeVar("T")


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


class ClassGauges(NamedTuple):
    """A priority class over all lines: those that wait now, and those that did since the start.

    `longest` is the seconds that the first of them has waited. `refused` are those for whom the
    queue was full, the wait too long or something else in the way; `left` whose client went.
    """

    priority: str
    waiting: int
    longest: float
    admitted: int
    refused: int
    left: int


class _End(IntEnum):
    """The end of a wait; its value is the place in the totals."""

    ADMITTED = 0
    REFUSED = 1
    LEFT = 2


class WaitingRoom:
    """The lines of all limits whose on_exceed is `queue`. Belongs to one event loop."""

    def __init__(self, *, clock: Callable[[], float] = _loop_time, poll: float = 0.05) -> None:
        """`clock` is in seconds from anywhere, and goes as the event loop's own.

        The first of a line tries every `poll` seconds though nothing was freed here: another
        process may have freed it.
        """
        self._clock = clock
        self._poll = poll
        self._lines: dict[Counter, Line] = {}
        self._frees = 0
        self._arrivals = count(1)
        self._totals: dict[str, list[int]] = {}

    @property
    def waiting(self) -> int:
        """The number of requests that wait."""
        return sum(line.waiting for line in self._lines.values())

    def gauges(self) -> tuple[ClassGauges, ...]:
        """Return every class that ever waited. Takes time with the tenants that wait."""
        now, waiting = self._clock(), dict.fromkeys(self._totals, 0)
        since = dict.fromkeys(self._totals, now)
        for line in self._lines.values():
            for priority, number, first in line.tenants():
                waiting[priority] += number
                since[priority] = min(since[priority], first)
        return tuple(
            ClassGauges(name, waiting[name], now - since[name], *totals)
            for name, totals in self._totals.items()
        )

    def freed(self, limits: Iterable[Limit] | None = None) -> None:
        """Let the next in line try, since something was settled or released.

        `limits` are those that it was held under, None where that is not known; then the first
        of every line tries. Costs next to nothing while nobody waits.
        """
        self._frees += 1
        if not self._lines:
            return
        if limits is None:
            for line in self._lines.values():
                line.wake()
            return
        for limit in limits:
            if waited := self._lines.get(_counter(limit)):
                waited.wake()

    async def pass_through(
        self, limits: Sequence[Limit], tenant: str, attempt: Callable[[], Awaitable[T]]
    ) -> T:
        """Return what `attempt` does, tried when it is this request's turn.

        `attempt` raises LimitExceeded while there is no room. It runs in the caller's own task,
        with nothing around it that would cancel it or could lose what it returns. It has to give
        back by itself what it got when it is cancelled.

        Raises LimitExceeded when it is refused by a limit that it can't wait for, when the queue
        is full, when the wait can't be met or was not, and when others wait for a counter that
        this request would not wait for. Raises whatever else `attempt` raises.
        """
        frees = self._frees
        reason = self._others(limits, ()) if self._lines else None
        if reason is None:
            try:
                return await attempt()
            except LimitExceeded as error:
                reason = obstacle_to(error)
                if reason is None:
                    raise
        return await self._wait(limits, tenant, attempt, reason, frees)

    async def _wait(
        self,
        limits: Sequence[Limit],
        tenant: str,
        attempt: Callable[[], Awaitable[T]],
        reason: Obstacle,
        frees: int,
    ) -> T:
        """Stand in line, and in the next one if that has no room either, until let through.

        `frees` is how often something had been freed when it was last tried.
        """
        loop, queue = asyncio.get_running_loop(), reason.queue
        waiter = Waiter(next(self._arrivals), tenant, self._clock(), reason.limit, queue)
        deadline = loop.call_later(queue.max_wait, waiter.expire)
        totals, end = self._totals.setdefault(queue.priority, [0, 0, 0]), _End.REFUSED
        try:
            while True:
                waiter.turn = loop.create_future()
                self._stand(waiter, reason, freed=frees != self._frees)
                await waiter.turn
                _check(waiter)
                waiter.through |= {_counter(waiter.limit)}
                frees = self._frees
                other = self._others(limits, waiter.through)
                if other is None:
                    try:
                        result = await attempt()
                    except LimitExceeded as error:
                        other = obstacle_to(error)
                        if other is None:
                            raise
                    else:
                        # No await from here to the caller: a cancellation finds its `attempt`
                        # unfinished, or comes after the result is the caller's.
                        end = _End.ADMITTED
                        return result
                _check(waiter)
                reason = other
        except asyncio.CancelledError:
            end = _End.LEFT
            raise
        finally:
            deadline.cancel()
            totals[end] += 1
            self._leave(waiter, served=end is _End.ADMITTED)

    def _stand(self, waiter: Waiter, reason: Obstacle, *, freed: bool) -> None:
        """Go on standing in the same line, or change to another. Raises LimitExceeded.

        `freed` is whether something was since it tried, at a time when it stood nowhere.
        """
        waiter.states = reason.states or waiter.states
        counter = _counter(reason.limit)
        line = self._lines.get(counter)
        if line is not None and line is waiter.line:
            line.refused(reason.retry_after, lasting=reason.lasting, freed=False)
            return
        self._leave(waiter, served=False)
        line = line or Line(asyncio.get_running_loop(), self._clock, self._poll)
        self._check_wait(line, waiter, reason)
        self._lines[counter] = line
        waiter.limit, waiter.queue, waiter.line = reason.limit, reason.queue, line
        line.join(waiter)
        if line.waiting == 1:
            line.refused(reason.retry_after, lasting=reason.lasting, freed=freed)

    def _leave(self, waiter: Waiter, *, served: bool) -> None:
        """Stand no more. A line where nobody stands is gone."""
        line, waiter.line = waiter.line, None
        if line is None:
            return
        line.leave(waiter, served=served)
        if not line.waiting:
            del self._lines[_counter(waiter.limit)]

    def _check_wait(self, line: Line, waiter: Waiter, reason: Obstacle) -> None:
        """Raises LimitExceeded where it would take too long, or too many wait.

        In a full queue a tenant takes a place of the one that has most for its weight: otherwise
        one that floods the queue would keep all others out of it.
        """
        wait = line.estimate(reason.queue, waiter.tenant)
        if reason.lasting is not None:
            wait = max(wait or 0.0, reason.lasting)
        # One that comes from another line may be among the first here: its deadline will tell.
        if wait is not None and wait > waiter.queue.max_wait and not waiter.through:
            raise too_long(reason, wait)
        if line.standing(reason.queue.priority) >= reason.queue.max_waiting:
            last = line.displaceable(reason.queue, waiter.tenant)
            if last is None:
                raise full(reason, wait)
            last.displaced = displaced(last, line.estimate(last.queue, last.tenant))
            self._leave(last, served=False)
            last.call()

    def _others(self, limits: Iterable[Limit], through: Collection[Hashable]) -> Obstacle | None:
        """The first of these limits that others wait for, but where the turn has come already."""
        for limit in limits:
            line = self._lines.get(counter := _counter(limit))
            if line is None or counter in through or limit.on_exceed == "warn":
                continue
            if limit.queue is None:
                raise behind(limit, line.emptied())
            return Obstacle(limit, limit.queue)
        return None


def _counter(limit: Limit) -> Counter:
    return limit.key, limit.unit, limit.window


def _check(waiter: Waiter) -> None:
    """Raises LimitExceeded when it was displaced or its deadline has come."""
    if waiter.displaced:
        raise waiter.displaced
    if waiter.expired and waiter.line:
        raise late(waiter, waiter.line.estimate(waiter.queue, waiter.tenant))

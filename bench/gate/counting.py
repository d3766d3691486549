"""From counters that only rise to what one request adds to them.

A service does things by the clock too: ticks, flushes, checks. What each of its threads counts
while nobody asks is measured, and taken off for the time that requests took: where everything is
fifty times as slow, it is far too much. A thread that does nothing but tick gets fewer ticks done
while requests are served: it adds nothing then, and never less than that.
"""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from bench.gate.request import KINDS, requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.gate.connection import Connection

WARM_UP = 100
"""Requests of each kind before anything counts."""

SETTLE_SECONDS = 2.0
"""For what requests leave to be written down later: the journal, say, is folded after a second."""

IDLE_SECONDS = 8


class Reading(NamedTuple):
    """What each thread has counted, by its number, at a time by a monotonic clock."""

    counts: Mapping[int, int]
    seconds: float

    def since(self, before: Reading, thread: int) -> int:
        """What a thread has counted since then."""
        return self.counts.get(thread, 0) - before.counts.get(thread, 0)


def rates(readings: Sequence[Reading]) -> Mapping[int, float]:
    """What each thread counts a second.

    The median over the times between two readings: on a busy machine ticks are missed in some.
    """
    pairs = list(pairwise(readings))
    return {
        thread: median(
            after.since(before, thread) / (after.seconds - before.seconds)
            for before, after in pairs
        )
        for thread in readings[-1].counts
    }


def per_request(before: Reading, after: Reading, idle: Mapping[int, float], count: int) -> float:
    """What each of `count` requests in between added, beside what threads count when `idle`."""
    seconds = after.seconds - before.seconds
    return (
        sum(
            max(0.0, after.since(before, thread) - idle.get(thread, 0.0) * seconds)
            for thread in after.counts
        )
        / count
    )


def costs(
    connection: Connection, key: str, read: Callable[[], Mapping[int, int]], count: int
) -> Mapping[str, float]:
    """What a request costs, by kind, in the unit of `read`, from `count` of each.

    `read` gives what each thread has counted. The service has to be warm.
    """

    def reading(wait: float) -> Reading:
        time.sleep(wait)
        return Reading(read(), time.monotonic())

    alone = [reading(SETTLE_SECONDS), *(reading(1.0) for _ in range(IDLE_SECONDS))]
    idle = rates(alone)
    after = alone[-1]
    found: dict[str, float] = {}
    for number, kind in enumerate(KINDS):
        before = after
        connection.run(requests(kind, key, count, seed=100 + number))
        after = reading(SETTLE_SECONDS)
        found[kind.name] = per_request(before, after, idle, count)
    return found


def warm(connection: Connection, key: str, count: int = WARM_UP) -> None:
    """Ask `count` requests of each kind: caches fill, and what is made late is made."""
    for number, kind in enumerate(KINDS):
        connection.run(requests(kind, key, count, seed=number))

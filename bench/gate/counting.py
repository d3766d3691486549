"""From a counter that only rises to what one request adds to it.

A service does things by the clock too: ticks, flushes, checks. What it counts while nobody asks is
measured and taken off for the time that requests took, since under valgrind that is far too much of
it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from bench.gate.request import KINDS, requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.gate.connection import Connection


WARM_UP = 100
"""Requests of each kind before anything counts."""

SETTLE_SECONDS = 2.0
"""For what requests leave to be written down later: the journal, say, is folded after a second."""

IDLE_SECONDS = 5.0


class Reading(NamedTuple):
    """A counter's value at a time, by a monotonic clock."""

    total: int
    seconds: float


def rate(before: Reading, after: Reading) -> float:
    """What it counts a second."""
    return (after.total - before.total) / (after.seconds - before.seconds)


def per_request(before: Reading, after: Reading, idle: float, count: int) -> float:
    """What each of `count` requests in between added, where it counts `idle` a second anyway."""
    by_clock = idle * (after.seconds - before.seconds)
    return (after.total - before.total - by_clock) / count


def costs(
    connection: Connection, key: str, read: Callable[[], int], count: int
) -> Mapping[str, float]:
    """What a request costs, by kind, in the unit of `read`, from `count` of each.

    The service has to be warm.
    """

    def reading() -> Reading:
        time.sleep(SETTLE_SECONDS)
        return Reading(read(), time.monotonic())

    before = reading()
    time.sleep(IDLE_SECONDS)
    after = reading()
    idle = rate(before, after)
    found: dict[str, float] = {}
    for number, kind in enumerate(KINDS):
        before = after
        connection.run(requests(kind, key, count, seed=100 + number))
        after = reading()
        found[kind.name] = per_request(before, after, idle, count)
    return found


def warm(connection: Connection, key: str, count: int = WARM_UP) -> None:
    """Ask `count` requests of each kind: caches fill, and what is made late is made."""
    for number, kind in enumerate(KINDS):
        connection.run(requests(kind, key, count, seed=number))

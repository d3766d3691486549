"""The obstacle that a request waits for, and the refusals of those that may not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extauth.errors import LimitExceeded

if TYPE_CHECKING:
    from extauth.gateway.queue.waiter import Waiter
    from extauth.types import Limit, LimitState, Queue

_SOON = 1.0
"""Seconds after which to try again, where nothing tells when there will be room."""


class Obstacle(NamedTuple):
    """The limit that a request has to wait for.

    `retry_after` and `states` are what the ledger said, None and empty where it was not asked
    because others wait.
    """

    limit: Limit
    queue: Queue
    retry_after: float | None = None
    states: tuple[LimitState, ...] = ()

    @property
    def lasting(self) -> float | None:
        """Seconds for which there surely is no room, None where that is not known.

        Requests count from the reservation on, so only time gives them back. All else may be
        given back any moment, when a request ends that used less than its worst case.
        """
        return self.retry_after if self.limit.unit == "requests" else None


def obstacle_to(error: LimitExceeded) -> Obstacle | None:
    """Return the obstacle of this refusal, None where waiting won't help."""
    limit = error.limit
    if limit is None or limit.queue is None or error.retry_after is None:
        return None
    return Obstacle(limit, limit.queue, error.retry_after, error.states)


def behind(limit: Limit, wait: float | None) -> LimitExceeded:
    """Refuse a request that would not wait, where others do."""
    return LimitExceeded(
        f"The limit {limit.name} has no room, and others wait for it.",
        code=limit.name,
        retry_after=wait or _SOON,
        limit=limit,
    )


def full(reason: Obstacle, wait: float | None) -> LimitExceeded:
    """Refuse a request because as many wait as may."""
    limit, queue = reason.limit, reason.queue
    return LimitExceeded(
        f"The limit {limit.name} has no room, and {queue.max_waiting} wait for it already.",
        code=limit.name,
        retry_after=wait or reason.retry_after or _SOON,
        states=reason.states,
        limit=limit,
    )


def displaced(waiter: Waiter, wait: float | None) -> LimitExceeded:
    """Refuse a waiter whose place in a full queue went to a tenant that has fewer."""
    limit = waiter.limit
    return LimitExceeded(
        f"The limit {limit.name} has no room, and its full queue is shared with other tenants.",
        code=limit.name,
        retry_after=wait or _SOON,
        states=waiter.states,
        limit=limit,
    )


def too_long(reason: Obstacle, wait: float) -> LimitExceeded:
    """Refuse a request whose turn would not come in the time that it may wait."""
    limit = reason.limit
    return LimitExceeded(
        f"The limit {limit.name} has no room, and waiting for it would take about {wait:.1f} s, "
        f"of at most {reason.queue.max_wait:g} s.",
        code=limit.name,
        retry_after=wait,
        states=reason.states,
        limit=limit,
    )


def late(waiter: Waiter, wait: float | None) -> LimitExceeded:
    """Refuse a waiter whose turn did not come in time, or without room."""
    limit = waiter.limit
    return LimitExceeded(
        f"The limit {limit.name} had no room for {waiter.deadline - waiter.since:g} s.",
        code=limit.name,
        retry_after=wait or _SOON,
        states=waiter.states,
        limit=limit,
    )

"""A request that waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.gateway.queue.heap import HeapEntry

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Hashable

    from extauth.errors import LimitExceeded
    from extauth.gateway.queue.line import Line
    from extauth.types import Limit, LimitState, Queue


class Waiter(HeapEntry):
    """A request that stands in one line, or changes from one to another.

    `arrival` is its number among all that ever waited. That, `since` and `deadline` (on the room's
    clock) stay what they are when it changes lines. `limit` and `queue` are where it stands,
    `through` the counters in whose lines it had a turn, `states` what its last attempt was told.
    `turn` is done when it is its turn, or when it has `expired` or was `displaced`.
    """

    __slots__ = (
        "arrival",
        "deadline",
        "displaced",
        "expired",
        "limit",
        "line",
        "queue",
        "since",
        "states",
        "tenant",
        "through",
        "turn",
    )

    def __init__(self, arrival: int, tenant: str, since: float, limit: Limit, queue: Queue) -> None:
        super().__init__()
        self.arrival = arrival
        self.tenant = tenant
        self.since = since
        self.limit = limit
        self.queue = queue
        self.deadline = since + queue.max_wait
        self.line: Line | None = None
        self.turn: asyncio.Future[None] | None = None
        self.through: frozenset[Hashable] = frozenset()
        self.states: tuple[LimitState, ...] = ()
        self.expired = False
        self.displaced: LimitExceeded | None = None

    def call(self) -> None:
        """Give it the turn. One that was cancelled knows, and leaves when its task runs."""
        if self.turn and not self.turn.done():
            self.turn.set_result(None)

    def expire(self) -> None:
        """End its wait, since the deadline has come."""
        self.expired = True
        self.call()

"""Something to wait for: a counter that takes so many at once, and tells when it is full."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extauth.errors import LimitExceeded
from extauth.types import Lifetime, Limit, Queue

if TYPE_CHECKING:
    from extauth.gateway.queue import WaitingRoom

PATIENT = Queue(max_waiting=100_000, max_wait=1e4)


def limit(key: str = "pool:shared", queue: Queue | None = PATIENT, name: str = "slots") -> Limit:
    """A limit of running requests; one without a queue refuses."""
    on_exceed = "queue" if queue else "deny"
    return Limit(name, key, "slots", Lifetime(), 1, on_exceed, queue)


class Slots:
    """All of them are held at first. `latency` is how long an attempt takes, before and after.

    As the ledger does, an attempt that is cancelled after it was granted gives back.
    """

    def __init__(
        self, room: WaitingRoom, free: int = 0, *, latency: float = 0.0, key: str = "pool:shared"
    ) -> None:
        self.room = room
        self.key = key
        self.free = free
        self.held = 0
        self.latency = latency
        self.attempts = 0
        self.retry_after: float | None = 1.0
        self.order: list[str] = []

    async def attempt(self, refused: Limit) -> None:
        """Take one or raise LimitExceeded."""
        self.attempts += 1
        if self.latency:
            await asyncio.sleep(self.latency)
        if not self.free:
            if self.latency:
                await asyncio.sleep(self.latency)
            raise LimitExceeded("full", limit=refused, retry_after=self.retry_after)
        self.free -= 1
        self.held += 1
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
        except asyncio.CancelledError:
            self.give_back()
            raise

    async def enter(self, name: str = "x", *, tenant: str = "acme", queue: Queue = PATIENT) -> None:
        """Wait for one and hold it."""
        asked = limit(self.key, queue)
        await self.room.pass_through([asked], tenant, lambda: self.attempt(asked))
        self.order.append(name)

    def task(
        self, name: str = "x", *, tenant: str = "acme", queue: Queue = PATIENT
    ) -> asyncio.Task[None]:
        """`enter`, as a client of its own."""
        return asyncio.create_task(self.enter(name, tenant=tenant, queue=queue), name=name)

    def add(self, count: int = 1) -> None:
        """So many more are free, and the room is told."""
        self.free += count
        self.room.freed()

    def give_back(self) -> None:
        """One holder is through."""
        self.held -= 1
        self.add()

"""Requests under two limits: each waits in the line of the one that refuses it."""

from __future__ import annotations

import asyncio

import pytest

from extauth.errors import LimitExceeded
from extauth.gateway.queue import WaitingRoom
from extauth.types import Queue
from tests.gateway.queue.slots import PATIENT, Slots, limit
from tests.gateway.queue.virtual import now, settle, virtual

HURRIED = Queue(max_waiting=100, max_wait=2.0)


class Both:
    """A request under a limit of its team and one of the pool; either can be full."""

    def __init__(self, room: WaitingRoom, pool: Queue | None = PATIENT) -> None:
        self.room = room
        self.team, self.pool = limit("team:red", name="team"), limit(queue=pool, name="pool")
        self.free = {"team": 0, "pool": 0}
        self.order: list[str] = []

    async def attempt(self) -> None:
        for refused in (self.team, self.pool):
            if not self.free[refused.name]:
                raise LimitExceeded("full", limit=refused, retry_after=1.0)
        for name in self.free:
            self.free[name] -= 1

    async def enter(self, name: str, tenant: str) -> None:
        await self.room.pass_through([self.team, self.pool], tenant, self.attempt)
        self.order.append(name)

    def task(self, name: str, *, tenant: str = "acme") -> asyncio.Task[None]:
        return asyncio.create_task(self.enter(name, tenant))

    def add(self, name: str) -> None:
        self.free[name] += 1
        self.room.freed()


@virtual
async def test_who_is_refused_by_another_limit_waits_for_that_one(room: WaitingRoom) -> None:
    both = Both(room)
    tasks = [both.task("a"), both.task("b")]
    await settle()
    both.add("team")
    await settle()
    assert (room.waiting, both.order) == (2, [])
    both.add("pool")
    await settle()
    assert both.order == ["a"]
    both.add("pool")
    both.add("team")
    await asyncio.gather(*tasks)
    assert both.order == ["a", "b"]


@virtual
async def test_who_changes_lines_goes_behind_those_who_are_there(room: WaitingRoom) -> None:
    both, slots = Both(room), Slots(room)
    task = both.task("a")
    await settle()
    there = slots.task("there", tenant="blue")
    await settle()
    both.free = {"team": 1, "pool": 1}
    room.freed([both.team])
    await settle()
    assert both.order == []
    slots.add()
    await settle()
    await asyncio.gather(there, task)
    assert slots.order == ["there"]


@virtual
async def test_who_changes_lines_keeps_its_deadline(room: WaitingRoom) -> None:
    both = Both(room)
    both.team = limit("team:red", HURRIED, name="team")
    task = both.task("a")
    await asyncio.sleep(1.5)
    both.add("team")
    with pytest.raises(LimitExceeded) as refused:
        await task
    assert now() == pytest.approx(2.0)
    assert refused.value.code == "pool"


@virtual
async def test_those_who_change_lines_share_the_next_one_too(room: WaitingRoom) -> None:
    both = Both(room)
    tasks = [both.task("a", tenant="a"), both.task("a", tenant="a"), both.task("b", tenant="b")]
    await settle()
    for _ in range(2):
        both.add("team")
        await settle()
        both.free["team"] = 0
    both.free = {"team": 2, "pool": 2}
    room.freed([both.pool])
    await settle()
    assert both.order == ["a", "b"]
    both.add("team")
    both.add("pool")
    await asyncio.gather(*tasks)


@virtual
async def test_who_is_refused_by_a_limit_without_a_queue_fails(room: WaitingRoom) -> None:
    both = Both(room, pool=None)
    first, second = both.task("a"), both.task("b")
    await settle()
    both.add("team")
    with pytest.raises(LimitExceeded) as refused:
        await first
    assert refused.value.limit == both.pool
    with pytest.raises(LimitExceeded):
        await second
    assert room.waiting == 0

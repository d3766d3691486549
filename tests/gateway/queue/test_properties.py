"""Anything that can happen, in any order."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extauth.errors import LimitExceeded
from extauth.gateway.queue import WaitingRoom
from extauth.types import Limit, Queue
from tests.gateway.queue.slots import limit
from tests.gateway.queue.virtual import settle, virtual

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

TENANTS = ("acme", "blue", "cyan")
PRIORITIES = {"low": 1, "high": 4}
POOLS = {"pool:a": 1, "pool:b": 2}


class Client(NamedTuple):
    """When it comes, what it wants, how long it runs, after what time it leaves whatever is."""

    comes: int
    tenant: str
    priority: str
    pools: tuple[str, ...]
    max_wait: float
    runs: int
    patience: int | None


clients = st.lists(
    st.builds(
        Client,
        comes=st.integers(0, 30),
        tenant=st.sampled_from(TENANTS),
        priority=st.sampled_from(sorted(PRIORITIES)),
        pools=st.sampled_from([("pool:a",), ("pool:b",), ("pool:a", "pool:b")]),
        max_wait=st.sampled_from([3.0, 20.0, 1e6]),
        runs=st.integers(0, 10),
        patience=st.none() | st.integers(0, 20),
    ),
    min_size=1,
    max_size=25,
)


class World:
    """Pools of slots that take time to answer, as a shared ledger does. Ten ticks are a second."""

    def __init__(self, room: WaitingRoom, latency: int) -> None:
        self.room = room
        self.latency = latency / 10
        self.held: Counter[str] = Counter()

    async def attempt(self, asked: list[Limit]) -> None:
        """All or none."""
        await asyncio.sleep(self.latency)
        for each in asked:
            if self.held[each.key] >= POOLS[each.key]:
                await asyncio.sleep(self.latency)
                raise LimitExceeded("full", limit=each, retry_after=1.0)
        for each in asked:
            self.held[each.key] += 1
            assert self.held[each.key] <= POOLS[each.key]
        try:
            await asyncio.sleep(self.latency)
        except asyncio.CancelledError:
            self.release(asked)
            raise

    def release(self, asked: list[Limit]) -> None:
        for each in asked:
            self.held[each.key] -= 1
        self.room.freed(asked)

    async def client(self, client: Client) -> None:
        queue = Queue(8, client.max_wait, client.priority, PRIORITIES[client.priority])
        asked = [limit(pool, queue) for pool in client.pools]
        await asyncio.sleep(client.comes / 10)
        await self.room.pass_through(asked, client.tenant, lambda: self.attempt(asked))
        try:
            await asyncio.sleep(client.runs / 10)
        finally:
            self.release(asked)


@settings(max_examples=300)
@given(clients, st.integers(0, 2))
@virtual
async def test_nobody_is_lost_and_no_slot_is_given_twice(crowd: list[Client], latency: int) -> None:
    """Every client ends, in its time; no more hold slots than there are; nothing is kept."""
    room = WaitingRoom(poll=1e9)
    world, loop = World(room, latency), asyncio.get_running_loop()
    tasks, leaving = [], []
    for client in crowd:
        task = asyncio.create_task(world.client(client))
        if client.patience is not None:
            leaving.append(loop.call_at((client.comes + client.patience) / 10, task.cancel))
        tasks.append(task)
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    for timer in leaving:
        timer.cancel()

    for client, end in zip(crowd, ends, strict=True):
        if isinstance(end, LimitExceeded):
            assert end.retry_after is not None
            assert end.retry_after > 0
        else:
            assert end is None or (
                isinstance(end, asyncio.CancelledError) and client.patience is not None
            )
    # Nobody tries unless told, so one that was forgotten would stand until its deadline.
    assert loop.time() < 1000
    assert not any(world.held.values())
    assert room.waiting == 0
    assert room._lines == {}
    assert all(gauge.waiting == 0 and gauge.longest == 0 for gauge in room.gauges())


async def drained(
    crowd: list[tuple[str, str]], leaving: set[int], queue: Callable[[str], Queue]
) -> list[tuple[str, str, int]]:
    """The order in which those are let in who wait together: class, tenant, number."""
    room, free, order = WaitingRoom(poll=1e9), 0, []

    async def attempt(asked: Limit) -> None:
        nonlocal free
        if not free:
            raise LimitExceeded("full", limit=asked, retry_after=1e9)
        free -= 1

    async def one(number: int, priority: str, tenant: str) -> None:
        asked = limit(queue=queue(priority))
        await room.pass_through([asked], tenant, lambda: attempt(asked))
        order.append((priority, tenant, number))

    tasks = [asyncio.create_task(one(n, *who)) for n, who in enumerate(crowd)]
    await settle()
    for number in leaving & set(range(len(crowd))):
        tasks[number].cancel()
    for _ in crowd:
        free += 1
        room.freed()
        await settle()
    await asyncio.gather(*tasks, return_exceptions=True)
    return order


def patient(priority: str) -> Queue:
    return Queue(1000, 1e9, priority, PRIORITIES[priority])


who = st.tuples(st.sampled_from(sorted(PRIORITIES)), st.sampled_from(TENANTS))


@settings(max_examples=150)
@given(st.lists(who, min_size=1, max_size=60), st.sets(st.integers(0, 59), max_size=20))
@virtual
async def test_order(crowd: list[tuple[str, str]], leaving: set[int]) -> None:
    """In a tenant by arrival; tenants within one turn; classes within one turn of their share."""
    order = await drained(crowd, leaving, patient)
    assert sorted(number for *_, number in order) == sorted(set(range(len(crowd))) - leaving)

    for one in set(crowd):
        numbers = [number for *whose, number in order if tuple(whose) == one]
        assert numbers == sorted(numbers)

    got: Counter[tuple[str, ...]] = Counter()
    left = Counter[tuple[str, ...]]()
    for priority, tenant, _ in order:
        left[priority, tenant] += 1
        left[priority,] += 1
    for priority, tenant, _ in order:
        got[priority, tenant] += 1
        got[priority,] += 1
        still = {name for name, count in left.items() if got[name] < count}
        tenants = [got[priority, each] for each in TENANTS if (priority, each) in still]
        assert not tenants or max(tenants) - min(tenants) <= 1
        classes = [got[name,] / share for name, share in PRIORITIES.items() if (name,) in still]
        assert not classes or max(classes) - min(classes) <= 1

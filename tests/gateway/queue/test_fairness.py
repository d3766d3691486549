"""Who gets how much of what is scarce, while everybody wants more."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from extauth.errors import LimitExceeded
from extauth.gateway.queue import WaitingRoom
from extauth.types import Queue
from tests.gateway.queue.slots import Slots
from tests.gateway.queue.virtual import settle, virtual

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow


@pytest.fixture
def slots() -> Slots:
    return Slots(WaitingRoom(poll=1e6))


def queue(priority: str = "default", share: int = 1, weight: int = 1) -> Queue:
    return Queue(100_000, 1e9, priority, share, weight)


def jain(amounts: list[float]) -> float:
    """Jain's index: 1 when all have the same, 1/n when one has everything."""
    return sum(amounts) ** 2 / (len(amounts) * sum(amount**2 for amount in amounts))


async def serve(slots: Slots, turns: int) -> list[str]:
    """So many are let in, one after another; their names in that order."""
    before = len(slots.order)
    for _ in range(turns):
        slots.add()
        await settle()
    return slots.order[before:]


async def end(tasks: list[asyncio.Task[None]]) -> None:
    """Everybody leaves."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def flood(
    slots: Slots, name: str, count: int, asked: Queue, *, tenant: str = ""
) -> list[asyncio.Task[None]]:
    return [slots.task(name, tenant=tenant or name, queue=asked) for _ in range(count)]


@virtual
async def test_many_tenants_of_equal_weight_get_the_same(slots: Slots) -> None:
    """A hundred tenants, some of whom ask for twenty times as much as others."""
    tasks = []
    for number in range(100):
        tasks += flood(slots, f"t{number}", 10 * (1 + number % 20), queue())
    await settle()
    got = Counter(await serve(slots, 990))
    assert jain([got[f"t{number}"] for number in range(100)]) >= 0.98
    assert max(got.values()) - min(got.values()) <= 1
    await end(tasks)


@virtual
async def test_tenants_get_by_their_weights(slots: Slots) -> None:
    weights = {"a": 1, "b": 2, "c": 5}
    tasks = [
        task
        for name, weight in weights.items()
        for task in flood(slots, name, 400, queue(weight=weight))
    ]
    await settle()
    got = Counter(await serve(slots, 400))
    assert {name: got[name] / 50 for name in weights} == pytest.approx(weights, abs=0.03)
    await end(tasks)


@virtual
async def test_classes_get_by_their_shares_and_the_lowest_never_starves(slots: Slots) -> None:
    tasks = flood(slots, "high", 1000, queue("high", 90)) + flood(
        slots, "low", 1000, queue("low", 10)
    )
    await settle()
    served = await serve(slots, 500)
    for start in range(0, 500, 100):
        assert Counter(served[start : start + 100])["low"] in {9, 10, 11}
    await end(tasks)


@virtual
async def test_a_class_gets_its_share_however_many_tenants_it_has(slots: Slots) -> None:
    tasks = [
        task
        for number in range(50)
        for task in flood(slots, "crowd", 20, queue("crowd", 1), tenant=f"t{number}")
    ]
    tasks += flood(slots, "alone", 400, queue("alone", 1))
    await settle()
    got = Counter(await serve(slots, 400))
    assert got["alone"] == pytest.approx(200, abs=1)
    await end(tasks)


@virtual
async def test_what_one_class_does_not_use_is_for_the_others(slots: Slots) -> None:
    tasks = flood(slots, "low", 50, queue("low", 1)) + flood(slots, "high", 2, queue("high", 99))
    await settle()
    assert Counter(await serve(slots, 52)) == {"low": 50, "high": 2}
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("by", ["class", "tenant"])
@virtual
async def test_who_was_away_has_saved_nothing(slots: Slots, by: str) -> None:
    def asked(name: str) -> Queue:
        return queue(name if by == "class" else "default")

    tasks = flood(slots, "busy", 300, asked("busy")) + flood(slots, "idle", 1, asked("idle"))
    await settle()
    await serve(slots, 200)  # `idle` had all it wanted
    tasks += flood(slots, "idle", 50, asked("idle"))
    await settle()
    got = Counter(await serve(slots, 40))
    assert got["idle"] == pytest.approx(20, abs=1)
    await end(tasks)


@pytest.mark.parametrize("by", ["class", "tenant"])
@virtual
async def test_who_asks_one_at_a_time_gets_no_more_than_its_share(slots: Slots, by: str) -> None:
    """It is back in the queue at once, each time as if it were new."""

    def asked(name: str, part: int) -> Queue:
        return queue(name, share=part) if by == "class" else queue(weight=part)

    async def again_and_again() -> None:
        while True:
            await slots.enter("eager", tenant="eager", queue=asked("eager", 1))

    names = ("a", "b", "c")
    tasks = [task for name in names for task in flood(slots, name, 200, asked(name, 10))]
    tasks.append(asyncio.create_task(again_and_again()))
    await settle()
    got = Counter(await serve(slots, 310))
    assert {name: got[name] for name in (*names, "eager")} == pytest.approx(
        {**dict.fromkeys(names, 100), "eager": 10}, abs=1
    )
    await end(tasks)


@virtual
async def test_tenants_that_come_once_each_do_not_starve_one_that_stays(slots: Slots) -> None:
    """A new tenant a turn: while `k` of them wait, one turn of 1 + k is for the one that stays."""
    tasks = flood(slots, "stays", 100, queue())
    await settle()
    served: list[str] = []
    for number in range(100):
        tasks += flood(slots, f"once{number}", 1, queue())
        await settle()
        served += await serve(slots, 1)
    assert Counter(served)["stays"] == pytest.approx(13, abs=2)  # and so k grows as the root of 2t
    await end(tasks)


@virtual
async def test_who_leaves_is_not_charged(slots: Slots) -> None:
    tasks = flood(slots, "fickle", 100, queue()) + flood(slots, "other", 100, queue())
    await settle()
    await end(tasks[:80])
    got = Counter(await serve(slots, 40))
    assert (got["fickle"], got["other"]) == (20, 20)
    await end(tasks)


@virtual
async def test_flooding_one_pool_does_not_move_the_waits_of_another() -> None:
    """The same load of the premium pool, with and without a flood of the shared one."""

    async def p99(flooded: int) -> float:
        room = WaitingRoom()
        premium, shared = Slots(room, 2, key="pool:premium"), Slots(room, 2, key="pool:shared")
        waits: list[float] = []

        async def one(pool: Slots, tenant: str) -> None:
            loop = asyncio.get_running_loop()
            begun = loop.time()
            await pool.enter(tenant=tenant, queue=queue())
            if pool is premium:
                waits.append(loop.time() - begun)
            await asyncio.sleep(1.0)
            pool.give_back()

        tasks = [asyncio.create_task(one(shared, f"t{n % 20}")) for n in range(flooded)]
        for _ in range(200):
            tasks.append(asyncio.create_task(one(premium, "gold")))
            await asyncio.sleep(0.45)
        await asyncio.sleep(200)
        await end(tasks)
        return sorted(waits)[int(len(waits) * 0.99)]

    assert await p99(2000) == pytest.approx(await p99(0), abs=0.001)


def test_jain() -> None:
    assert jain([1, 1, 1, 1]) == 1
    assert jain([1, 0, 0, 0]) == 0.25


@virtual
async def test_a_tenant_that_floods_a_full_queue_does_not_keep_others_out(slots: Slots) -> None:
    small = Queue(max_waiting=10, max_wait=1e9)
    tasks = flood(slots, "flood", 200, small)
    await settle()
    assert slots.room.waiting == 10
    others = [slots.task(name, tenant=name, queue=small) for name in ("a", "b", "b", "c")]
    await settle()
    assert slots.room.waiting == 10
    assert not any(task.done() for task in others)
    assert sorted(await serve(slots, 10)) == ["a", "b", "b", "c", *["flood"] * 6]
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    # Of those that stood, the last to come had to go.
    assert [end is None for end in ends] == [True] * 6 + [False] * 194
    await asyncio.gather(*others)


@virtual
async def test_nobody_is_displaced_by_a_tenant_that_has_as_much(slots: Slots) -> None:
    """It would have as much with one more, and then more than the other."""
    small = Queue(max_waiting=3, max_wait=1e9)
    tasks = flood(slots, "a", 2, small) + flood(slots, "b", 1, small)
    late = flood(slots, "b", 1, small) + flood(slots, "a", 1, small)
    await settle()
    assert not any(task.done() for task in tasks)
    assert all(isinstance(task.exception(), LimitExceeded) for task in late)
    await end(tasks)


@virtual
async def test_the_only_place_of_a_tenant_is_its_own(slots: Slots) -> None:
    (task,) = flood(slots, "light", 1, Queue(1, 1e9, weight=1))
    await settle()
    with pytest.raises(LimitExceeded):
        await slots.enter(tenant="heavy", queue=Queue(1, 1e9, weight=5))
    await end([task])

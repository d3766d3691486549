"""Who waits, who is let in, and who is told to come back later."""

from __future__ import annotations

import asyncio

import pytest

from extauth.errors import LedgerUnavailable, LimitExceeded
from extauth.gateway.queue import WaitingRoom
from extauth.types import Limit, Queue
from tests.gateway.queue.slots import Slots, limit
from tests.gateway.queue.virtual import now, settle, virtual


@virtual
async def test_who_finds_room_does_not_wait(room: WaitingRoom) -> None:
    slots = Slots(room, free=1)
    await slots.enter()
    assert (slots.held, slots.attempts, now()) == (1, 1, 0.0)
    assert room.gauges() == ()


@virtual
async def test_who_finds_none_waits_until_something_is_freed(room: WaitingRoom) -> None:
    slots = Slots(room)
    task = slots.task()
    await settle()
    assert room.waiting == 1
    slots.add()
    await task
    assert (slots.held, room.waiting, now()) == (1, 0, 0.0)


@virtual
async def test_one_tenant_is_served_in_the_order_of_arrival(room: WaitingRoom) -> None:
    slots = Slots(room)
    tasks = [slots.task(name) for name in "abcde"]
    await settle()
    for _ in tasks:
        slots.add()
    await asyncio.gather(*tasks)
    assert slots.order == list("abcde")


@virtual
async def test_many_are_let_in_when_much_is_freed_at_once(room: WaitingRoom) -> None:
    slots = Slots(room, latency=0.001)
    tasks = [slots.task(str(number)) for number in range(50)]
    await asyncio.sleep(0.04)
    slots.add(50)
    await asyncio.gather(*tasks)
    assert slots.held == 50


@virtual
async def test_only_the_first_tries(room: WaitingRoom) -> None:
    slots = Slots(room)
    tasks = [slots.task() for _ in range(1000)]
    await settle()
    before = slots.attempts
    slots.add()
    await settle()
    # One is let in, and the next finds that there is no more room.
    assert slots.attempts - before == 2
    slots.add(999)
    await asyncio.gather(*tasks)


@virtual
async def test_a_newcomer_does_not_overtake(room: WaitingRoom) -> None:
    slots = Slots(room)
    first = slots.task("first")
    await settle()
    slots.free += 1  # nobody was told yet
    second = slots.task("second")
    await settle()
    assert slots.order == []
    slots.add()
    await asyncio.gather(first, second)
    assert slots.order == ["first", "second"]


@virtual
async def test_other_counters_are_not_held_up(room: WaitingRoom) -> None:
    shared, premium = Slots(room), Slots(room, free=1, key="pool:premium")
    tasks = [shared.task() for _ in range(100)]
    await settle()
    await premium.enter()
    assert (premium.attempts, now()) == (1, 0.0)
    shared.add(100)
    await asyncio.gather(*tasks)


@virtual
async def test_what_was_freed_while_the_ledger_answered_is_not_missed(room: WaitingRoom) -> None:
    room = WaitingRoom(poll=1e9)
    slots = Slots(room, latency=0.01)
    slots.retry_after = 1e9
    newcomer = slots.task("newcomer")
    await asyncio.sleep(0.015)  # refused, and on the way back
    slots.add()
    await newcomer
    later = slots.task("later")
    await asyncio.sleep(0.02)  # waits now
    slots.free, waker = 0, slots
    waker.room.freed()
    await asyncio.sleep(0.015)  # tries again, and is refused, and on the way back
    slots.add()
    await later
    assert now() < 1


@virtual
async def test_the_first_looks_for_what_other_processes_freed(room: WaitingRoom) -> None:
    slots = Slots(room)
    task = slots.task()
    await settle()
    slots.free = 1  # nobody tells
    await task
    assert now() == pytest.approx(0.05)


@virtual
async def test_the_first_tries_when_there_will_be_room(room: WaitingRoom) -> None:
    slots = Slots(room)
    slots.retry_after = 0.02
    task = slots.task()
    await settle()
    slots.free = 1
    await task
    assert now() == pytest.approx(0.02)


@virtual
async def test_a_ledger_that_promises_too_much_is_not_asked_in_a_busy_loop(
    room: WaitingRoom,
) -> None:
    slots = Slots(room)
    slots.retry_after = 0.0
    task = slots.task()
    await asyncio.sleep(0.1)
    assert slots.attempts <= 101
    slots.add()
    await task


@virtual
async def test_a_limit_that_only_warns_waits_for_nobody(room: WaitingRoom) -> None:
    slots = Slots(room)
    waiting = slots.task()
    await settle()
    asked = Limit("soft", "pool:shared", "slots", limit().window, 1, "warn")

    async def attempt() -> str:
        return "let in"

    assert await room.pass_through([asked], "acme", attempt) == "let in"
    slots.add()
    await waiting


@virtual
async def test_a_ledger_that_fails_is_told(room: WaitingRoom) -> None:
    asked, broken = limit(), False

    async def attempt() -> None:
        if broken:
            raise LedgerUnavailable("down")
        raise LimitExceeded("full", limit=asked, retry_after=1.0)

    tasks = [asyncio.create_task(room.pass_through([asked], "acme", attempt)) for _ in range(3)]
    await settle()
    broken = True
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [LedgerUnavailable] * 3
    assert room.waiting == 0


@virtual
async def test_only_lines_of_what_was_freed_are_woken(room: WaitingRoom) -> None:
    shared, premium = Slots(room), Slots(room, key="pool:premium")
    tasks = [shared.task(), premium.task()]
    await settle()
    before = shared.attempts
    premium.free += 1
    room.freed([limit("pool:premium"), limit("nobody:waits")])
    await settle()
    assert (premium.held, shared.attempts) == (1, before)
    shared.add()
    await asyncio.gather(*tasks)


@virtual
async def test_the_gauges_tell_by_class(room: WaitingRoom) -> None:
    slots = Slots(room)
    low, high = (Queue(2, 100, priority=name) for name in ("low", "high"))
    tasks = [slots.task(queue=low, tenant="a"), slots.task(queue=low, tenant="b")]
    await asyncio.sleep(3)
    tasks.append(slots.task(queue=high))
    with pytest.raises(LimitExceeded):
        await slots.enter(queue=low)
    await asyncio.sleep(2)
    tasks[1].cancel()
    await settle()
    gauges = {gauge.priority: gauge for gauge in room.gauges()}
    assert gauges["low"]._asdict() == {
        "priority": "low", "waiting": 1, "longest": pytest.approx(5),
        "admitted": 0, "refused": 1, "left": 1,
    }  # fmt: skip
    assert (gauges["high"].waiting, gauges["high"].longest) == (1, pytest.approx(2))
    slots.add(2)
    await asyncio.gather(tasks[0], tasks[2])
    assert [gauge[1:5] for gauge in room.gauges()] == [(0, 0.0, 1, 1), (0, 0.0, 1, 0)]


@virtual
async def test_nothing_is_kept_of_those_who_are_gone(room: WaitingRoom) -> None:
    for number in range(50):
        slots = Slots(room, key=f"tenant:{number}")
        task = slots.task(tenant=str(number))
        await settle()
        slots.add()
        await task
    assert room._lines == {}

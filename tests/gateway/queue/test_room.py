"""Who waits, who is let in, and who is told to come back later."""

from __future__ import annotations

import asyncio

import pytest

from extauth.errors import LedgerUnavailable, LimitExceeded
from extauth.gateway.queue import WaitingRoom
from extauth.types import Limit, Queue
from tests.gateway.queue.slots import PATIENT, Slots, limit
from tests.gateway.queue.virtual import settle, virtual

HURRIED = Queue(max_waiting=100, max_wait=2.0)


@pytest.fixture
def room() -> WaitingRoom:
    return WaitingRoom()


def now() -> float:
    return asyncio.get_running_loop().time()


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
async def test_the_deadline_ends_the_wait(room: WaitingRoom) -> None:
    slots = Slots(room)
    with pytest.raises(LimitExceeded) as refused:
        await slots.enter(queue=HURRIED)
    assert now() == pytest.approx(2.0)
    assert refused.value.retry_after
    assert refused.value.limit == limit(queue=HURRIED)
    assert refused.value.code == "slots"
    assert room.waiting == 0


@virtual
async def test_the_deadline_ends_the_wait_of_those_behind_too(room: WaitingRoom) -> None:
    slots = Slots(room)
    patient = slots.task()
    await settle()
    with pytest.raises(LimitExceeded):
        await slots.enter(queue=HURRIED)
    assert now() == pytest.approx(2.0)
    slots.add()
    await patient


@virtual
async def test_a_full_queue_takes_nobody(room: WaitingRoom) -> None:
    two = Queue(max_waiting=2, max_wait=100)
    slots = Slots(room)
    tasks = [slots.task(queue=two) for _ in range(2)]
    await settle()
    with pytest.raises(LimitExceeded) as refused:
        await slots.enter(queue=two)
    assert now() == 0.0
    assert refused.value.retry_after == 1.0
    slots.add(2)
    await asyncio.gather(*tasks)


@virtual
async def test_a_class_can_not_fill_the_queue_of_another(room: WaitingRoom) -> None:
    low, high = (Queue(2, 100, priority=name) for name in ("low", "high"))
    slots = Slots(room)
    tasks = [slots.task(queue=low), slots.task(queue=low)]
    await settle()
    tasks.append(slots.task(queue=high))
    await settle()
    assert room.waiting == 3
    slots.add(3)
    await asyncio.gather(*tasks)


@virtual
async def test_a_wait_that_can_not_be_met_is_refused_at_once(room: WaitingRoom) -> None:
    slots = Slots(room)
    tasks = [slots.task() for _ in range(60)]
    for _ in range(20):
        await asyncio.sleep(1.0)
        slots.add()
    await settle()
    at = now()
    with pytest.raises(LimitExceeded) as refused:
        await slots.enter(queue=Queue(100, 30.0))
    assert now() == at
    # 40 are in front and one is let in every second.
    assert refused.value.retry_after == pytest.approx(41, rel=0.05)
    tasks.append(slots.task(queue=Queue(100, 45.0)))
    await settle()
    assert room.waiting == 41
    slots.add(41)
    await asyncio.gather(*tasks)


@virtual
async def test_the_estimate_knows_the_share_of_class_and_tenant(room: WaitingRoom) -> None:
    slots = Slots(room)
    bulk, fast = Queue(1000, 1e6, "bulk", share=1), Queue(1000, 30.0, "fast", share=9)
    tasks = [slots.task(queue=bulk) for _ in range(100)]
    for _ in range(20):
        await asyncio.sleep(1.0)
        slots.add()
    # 80 wait, a second each; but this class has nine turns of ten, and this tenant half of them.
    tasks += [slots.task(queue=fast, tenant="acme") for _ in range(10)]
    tasks.append(slots.task(queue=fast, tenant="blue"))
    await settle()
    assert room.waiting == 91
    with pytest.raises(LimitExceeded):
        await slots.enter(queue=Queue(1000, 30.0, "bulk"))
    slots.add(91)
    await asyncio.gather(*tasks)


@virtual
async def test_a_rate_that_has_no_room_in_time_is_refused_at_once(room: WaitingRoom) -> None:
    rate = Limit("rpm", "tenant:acme", "requests", 60, 1, "queue", Queue(10, 5.0))

    async def attempt() -> None:
        raise LimitExceeded("full", limit=rate, retry_after=40.0)

    with pytest.raises(LimitExceeded) as refused:
        await room.pass_through([rate], "acme", attempt)
    assert (now(), refused.value.retry_after) == (0.0, 40.0)


@virtual
async def test_what_never_fits_does_not_wait(room: WaitingRoom) -> None:
    slots = Slots(room)
    slots.retry_after = None
    with pytest.raises(LimitExceeded) as refused:
        await slots.enter()
    assert (now(), refused.value.retry_after) == (0.0, None)


@virtual
async def test_a_limit_without_a_queue_refuses_at_once(room: WaitingRoom) -> None:
    slots, strict = Slots(room), limit(queue=None)
    with pytest.raises(LimitExceeded) as refused:
        await room.pass_through([strict], "acme", lambda: slots.attempt(strict))
    assert refused.value.message == "full"
    waiting = slots.task()
    await settle()
    slots.free += 1
    # There would be room, but it belongs to the one who waits.
    with pytest.raises(LimitExceeded, match="others wait"):
        await room.pass_through([strict], "acme", lambda: slots.attempt(strict))
    slots.room.freed()
    await waiting


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

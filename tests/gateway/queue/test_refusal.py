"""Those who would wait too long, or in vain, are told so at once; the others at their deadline."""

from __future__ import annotations

import asyncio

import pytest

from extauth.errors import LimitExceeded
from extauth.gateway.queue import WaitingRoom
from extauth.types import Limit, Queue
from tests.gateway.queue.slots import Slots, limit
from tests.gateway.queue.virtual import now, settle, virtual

HURRIED = Queue(max_waiting=100, max_wait=2.0)


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

"""A client that leaves, at every step: nothing is lost and nothing is kept."""

from __future__ import annotations

import asyncio

import pytest

from extauth.gateway.queue import WaitingRoom
from extauth.types import Queue
from tests.gateway.queue.slots import Slots
from tests.gateway.queue.virtual import settle, virtual

NEVER = 1e9


@pytest.fixture
def slots() -> Slots:
    """Nothing but what is told wakes anybody."""
    slots = Slots(WaitingRoom(poll=NEVER))
    slots.retry_after = NEVER
    return slots


async def cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@virtual
async def test_while_it_stands_behind(slots: Slots) -> None:
    first, second, third = (slots.task(name) for name in "abc")
    await settle()
    await cancelled(second)
    slots.add(2)
    await asyncio.gather(first, third)
    assert slots.order == ["a", "c"]


@virtual
async def test_while_it_is_the_first(slots: Slots) -> None:
    first, second = (slots.task(name) for name in "ab")
    await settle()
    await cancelled(first)
    slots.add()
    await second
    assert slots.room.waiting == 0


@virtual
async def test_when_its_turn_was_given_and_not_yet_noticed(slots: Slots) -> None:
    first, second = (slots.task(name) for name in "ab")
    await settle()
    slots.add()
    await cancelled(first)
    await second
    assert (slots.order, slots.held) == (["b"], 1)


@virtual
async def test_before_its_turn_is_given_in_the_same_step(slots: Slots) -> None:
    first, second = (slots.task(name) for name in "ab")
    await settle()
    first.cancel()
    slots.add()
    await second
    assert (slots.order, slots.held) == (["b"], 1)
    assert first.cancelled()


@virtual
async def test_when_its_deadline_comes_in_the_same_step_as_its_turn(slots: Slots) -> None:
    first = slots.task("a", queue=Queue(10, 1.0))
    second = slots.task("b")
    asyncio.get_running_loop().call_at(1.0, slots.add)
    await asyncio.wait([first, second], timeout=10)
    assert len(slots.order) == 1
    if slots.order == ["a"]:
        slots.add()
    await second
    await asyncio.gather(first, return_exceptions=True)
    assert slots.room.waiting == 0


@pytest.mark.parametrize("after", [0.5, 1.5])
@virtual
async def test_while_it_tries(slots: Slots, after: float) -> None:
    """Before it was granted, and after, when the ledger's answer is on the way."""
    first, second = (slots.task(name) for name in "ab")
    await settle()
    slots.latency = 1.0
    slots.add()
    await asyncio.sleep(after)
    await cancelled(first)
    await second
    assert (slots.order, slots.held, slots.free) == (["b"], 1, 0)


@virtual
async def test_when_its_attempt_was_granted_and_its_task_has_not_run_yet(slots: Slots) -> None:
    granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    released = []

    async def attempt() -> str:
        try:
            await granted
        except asyncio.CancelledError:
            released.append("reservation")
            raise
        return "reservation"

    task = asyncio.create_task(slots.room.pass_through([], "acme", attempt))
    await settle()
    granted.set_result(None)
    task.cancel()
    ends = await asyncio.gather(task, return_exceptions=True)
    # Either the caller has it, or it was given back.
    assert isinstance(ends[0], asyncio.CancelledError)
    assert released == ["reservation"]


@virtual
async def test_a_client_that_leaves_in_any_step_changes_nothing_for_the_rest() -> None:
    """The same five clients, one of whom leaves after each number of steps of the event loop."""
    for victim in range(5):
        for steps in range(40):
            slots = Slots(WaitingRoom(poll=NEVER), latency=0.001)
            slots.retry_after = NEVER
            tasks = [slots.task(str(number), tenant=f"t{number % 2}") for number in range(5)]
            await asyncio.sleep(0.01)
            slots.add(2)
            for step in range(40):
                if step == steps:
                    tasks[victim].cancel()
                await asyncio.sleep(0.0005 if step % 4 == 3 else 0)
            slots.add(4)
            await asyncio.gather(*tasks, return_exceptions=True)
            assert slots.room.waiting == 0
            assert slots.room._lines == {}
            assert slots.held + slots.free == 6
            assert slots.held == len(slots.order) >= 4

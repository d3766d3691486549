"""What waiting costs, alone and in a queue of ten thousand, and the memory of one who waits."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from itertools import count
from typing import TYPE_CHECKING

import pytest
import uvloop

from extauth.errors import LimitExceeded
from extauth.gateway.queue import WaitingRoom
from extauth.types import Lifetime, Limit, Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

QUEUE = Queue(max_waiting=1_000_000, max_wait=1e6)
LIMIT = Limit("slots", "pool:shared", "slots", Lifetime(), 1, "queue", QUEUE)
LIMITS = (LIMIT,)
TENANTS = 100
ROUND = 100


class Pool:
    """Requests of a hundred tenants that wait for one pool."""

    def __init__(self) -> None:
        self.room = WaitingRoom(poll=1e6)
        self.free = 0
        self.tasks: list[asyncio.Task[None]] = []
        self.numbers = count()

    async def attempt(self) -> None:
        if not self.free:
            raise LimitExceeded("full", limit=LIMIT, retry_after=1e6)
        self.free -= 1

    async def enter(self) -> asyncio.Task[None]:
        """One more client."""
        tenant = f"tenant-{next(self.numbers) % TENANTS}"
        return asyncio.create_task(self.room.pass_through(LIMITS, tenant, self.attempt))

    async def fill(self, waiting: int) -> None:
        self.tasks = [await self.enter() for _ in range(waiting)]
        await asyncio.sleep(0)
        assert self.room.waiting == waiting

    async def empty(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def come_and_go(self) -> None:
        """A hundred come and leave again."""
        tasks = [await self.enter() for _ in range(ROUND)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def take_turns(self) -> None:
        """A hundred come, and for each of them the first is let in."""
        for _ in range(ROUND):
            self.tasks.append(await self.enter())
            await asyncio.sleep(0)
            self.free += 1
            self.room.freed(LIMITS)
            await asyncio.sleep(0)  # the first is let in
            await asyncio.sleep(0)  # and the next finds no room
            assert not self.free


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner.get_loop()


@pytest.fixture(params=[1, 10_000])
def pool(request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> Iterator[Pool]:
    pool = Pool()
    loop.run_until_complete(pool.fill(request.param))
    yield pool
    loop.run_until_complete(pool.empty())


def test_nobody_waits(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop) -> None:
    """A hundred requests that find room, and what each of them frees."""
    pool = Pool()

    async def requests() -> None:
        pool.free = ROUND
        for _ in range(ROUND):
            await pool.room.pass_through(LIMITS, "acme", pool.attempt)
            pool.room.freed(LIMITS)

    benchmark.extra_info["requests"] = ROUND
    benchmark(lambda: loop.run_until_complete(requests()))


def test_come_and_go(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, pool: Pool
) -> None:
    """A hundred come and leave without a turn; their tasks are in it."""
    benchmark.extra_info["requests"] = ROUND
    benchmark(lambda: loop.run_until_complete(pool.come_and_go()))


def test_take_turns(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, pool: Pool
) -> None:
    """A hundred come and a hundred are let in; their tasks are in it."""
    benchmark.extra_info["requests"] = ROUND
    benchmark(lambda: loop.run_until_complete(pool.take_turns()))


@pytest.mark.parametrize("waiting", [10_000])
def test_memory(benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, waiting: int) -> None:
    """Bytes for each that waits, beyond a task that waits for a future; and the time to fill."""
    pool, bare = Pool(), []

    async def one(future: asyncio.Future[None]) -> None:
        await future

    async def sleepers() -> None:
        bare.extend(asyncio.create_task(one(loop.create_future())) for _ in range(waiting))
        await asyncio.sleep(0)

    tracemalloc.start()
    loop.run_until_complete(sleepers())
    gc.collect()
    tasks, _ = tracemalloc.get_traced_memory()
    loop.run_until_complete(pool.fill(waiting))
    gc.collect()
    both, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    loop.run_until_complete(pool.empty())
    assert pool.room.waiting == 0
    for task in bare:
        task.cancel()

    async def fill_and_empty() -> None:
        await pool.fill(waiting)
        await pool.empty()

    benchmark.extra_info["bytes_each"] = round((both - 2 * tasks) / waiting)
    benchmark.pedantic(lambda: loop.run_until_complete(fill_and_empty()), rounds=3)

"""What accounting costs a request: usage, reserve and settle, eight counters and its limits.

The arithmetic is the event loop's own time; the whole includes the write to the journal. The
percentiles of single requests are in the benchmark's extra information.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from bench.samples import percentiles
from extauth.ledger import Counter, Demand, EmbeddedLedger
from extauth.ledger.book import Book
from extauth.types import Account, CalendarPeriod, Lifetime, Limit, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

ADA = Account("acme", "acme/ada", "chat", "1")
USED = Usage(100, 50)
PLENTY = 10**12
LIMITS = (
    Limit("tenant_requests", "tenant:acme", "requests", 60, PLENTY),
    Limit("tenant_tokens", "tenant:acme", "tokens", 60, PLENTY),
    Limit("principal_requests", "principal:acme/ada", "requests", 60, PLENTY),
    Limit("principal_tokens", "principal:acme/ada", "tokens", 86_400, PLENTY),
    Limit("slots", "pool:premium", "slots", Lifetime(), PLENTY),
    Limit("budget", "tenant:acme", "cost", CalendarPeriod("month"), PLENTY),
)
COUNTERS = tuple(
    Counter(key, unit, window)
    for key in ("principal:acme/ada", "tenant:acme")
    for window in (60, 86_400)
    for unit in ("requests", "tokens")
)
TASKS = 16


def demand(limits: int = len(LIMITS)) -> Demand:
    """What a chat asks for, under the counters that every request has and so many limits."""
    worst = Usage(100, 400, 900, 60_000)
    return Demand(LIMITS[:limits], worst, Usage(100, 1), Usage(100), COUNTERS)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.fixture
def ledger(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> Iterator[EmbeddedLedger]:
    ledger = EmbeddedLedger(tmp_path / "ledger.db", time.time)
    loop.run_until_complete(ledger.start())
    yield ledger
    loop.run_until_complete(ledger.close())


async def request(ledger: EmbeddedLedger, limits: int = len(LIMITS)) -> None:
    now = time.time()
    await ledger.usage(COUNTERS, now)
    reservation = await ledger.reserve(ADA, demand(limits), now)
    await ledger.settle(reservation, USED, now)


@pytest.mark.parametrize("limits", [1, 3, 6])
def test_arithmetic(benchmark: BenchmarkFixture, limits: int) -> None:
    book, wanted = Book(), demand(limits)

    def one() -> None:
        now = time.time()
        book.usage(COUNTERS, now)
        reservation, _ = book.reserve(ADA, wanted, now)
        book.settle(reservation, USED, now)

    benchmark(one)


@pytest.mark.parametrize("limits", [1, 3, 6])
def test_one_request_at_a_time(
    benchmark: BenchmarkFixture,
    loop: asyncio.AbstractEventLoop,
    ledger: EmbeddedLedger,
    limits: int,
) -> None:
    benchmark(lambda: loop.run_until_complete(request(ledger, limits)))
    benchmark.extra_info |= loop.run_until_complete(percentiles(lambda: request(ledger, limits)))


def test_sixteen_requests_at_a_time(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, ledger: EmbeddedLedger
) -> None:
    """The time of sixteen: they share commits."""

    async def together() -> None:
        await asyncio.gather(*(request(ledger) for _ in range(TASKS)))

    benchmark(lambda: loop.run_until_complete(together()))

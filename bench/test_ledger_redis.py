"""What accounting costs a request on a shared ledger: reserve and settle under 1, 3 and 6 limits.

Most of it is the round trip: a server on a unix socket of the same machine. The percentiles of
single requests are in the benchmark's extra information, and so are the round trips of each.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from bench.samples import SAMPLES, percentiles
from extauth.ledger import Demand
from extauth.ledger.redis import RedisLedger
from extauth.types import Account, CalendarPeriod, Lifetime, Limit, TokenBucket, Usage
from tests.redis_server import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from tests.redis_server import RedisServer

__all__ = ["redis_server"]

ADA = Account("acme", "acme/ada", "chat", "1")
USED = Usage(100, 50, 30, 900)
PLENTY = 10**12
LIMITS = (
    Limit("tenant_tokens", "tenant:acme", "tokens", 60, PLENTY),
    Limit("tenant_requests", "tenant:acme", "requests", 60, PLENTY),
    Limit("tenant_cost", "tenant:acme", "cost", CalendarPeriod("month"), PLENTY, warn_at=(80,)),
    Limit("principal_burst", "principal:ada", "tokens", TokenBucket(10**6, 60), PLENTY),
    Limit("principal_slots", "principal:ada", "slots", Lifetime(), PLENTY),
    Limit("principal_day", "principal:ada", "tokens", 86_400, PLENTY),
)
TASKS = 16


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.fixture
def ledger(redis_server: RedisServer, loop: asyncio.AbstractEventLoop) -> Iterator[RedisLedger]:
    ledger = RedisLedger(redis_server.url, name="bench")
    loop.run_until_complete(ledger.start())
    yield ledger
    loop.run_until_complete(ledger.close())


def demand(limits: int) -> Demand:
    return Demand(LIMITS[:limits], Usage(100, 400, 90, 2000), Usage(100, 1), Usage(100))


async def request(ledger: RedisLedger, asked: Demand) -> None:
    reservation = await ledger.reserve(ADA, asked, 0)
    await ledger.settle(reservation, USED, 0)


@pytest.mark.parametrize("limits", [1, 3, 6])
def test_one_request_at_a_time(
    benchmark: BenchmarkFixture,
    loop: asyncio.AbstractEventLoop,
    redis_server: RedisServer,
    ledger: RedisLedger,
    limits: int,
) -> None:
    asked = demand(limits)
    benchmark(lambda: loop.run_until_complete(request(ledger, asked)))

    with Redis(unix_socket_path=str(redis_server.socket)) as redis:
        redis.config_resetstat()
        took = loop.run_until_complete(percentiles(lambda: request(ledger, asked)))
        stats = redis.info("commandstats")
    scripts = stats["cmdstat_evalsha"]
    benchmark.extra_info |= took
    benchmark.extra_info["script_us"] = scripts["usec_per_call"]
    # The lease may have been renewed meanwhile.
    assert scripts["calls"] in {2 * SAMPLES, 2 * SAMPLES + 1}


@pytest.mark.parametrize("limits", [3])
def test_sixteen_requests_at_a_time(
    benchmark: BenchmarkFixture, loop: asyncio.AbstractEventLoop, ledger: RedisLedger, limits: int
) -> None:
    """The time of sixteen."""
    asked = demand(limits)

    async def together() -> None:
        await asyncio.gather(*(request(ledger, asked) for _ in range(TASKS)))

    benchmark(lambda: loop.run_until_complete(together()))

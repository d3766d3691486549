"""The shared ledger alone: many processes, a server that comes and goes, and its data."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING

import pytest
from redis.cluster import key_slot

from extauth.errors import LedgerUnavailable, LimitExceeded, StackError
from extauth.ledger import Counter
from extauth.ledger.redis import RedisLedger, lines
from extauth.ledger.redis.claim import Calendars
from extauth.ledger.redis.script import RELEASE, RESERVE
from extauth.ledger.redis.server import Server
from extauth.types import Lifetime, Limit, Usage
from tests.ledger.contract import (
    ADA,
    SLOTS,
    RedisBooks,
    demand,
    refused,
    release,
    reserve,
    settle,
    spend,
    until_used,
    usage,
    used,
)
from tests.ledger.shared import EACH, TPD, On, Shared
from tests.redis_server import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.redis_server import RedisServer

pytestmark = pytest.mark.slow


@pytest.fixture
async def lapsing(redis_server: RedisServer) -> AsyncIterator[tuple[RedisBooks, RedisBooks]]:
    """Two processes on the test's clock."""
    books = RedisBooks(redis_server)
    other = RedisBooks(redis_server)
    other.time, other.name = books.time, books.name
    await books.open()
    await other.open()
    yield books, other
    await books.close()
    await other.close()


async def lapse(others: RedisBooks) -> None:
    """Let the leases of all other processes expire."""
    for _ in range(3):
        others.time.now += 14
        await release(others, await reserve(others, demand()))


async def test_four_processes_race_on_one_limit(shared: Shared) -> None:
    limit = Limit("race", "tenant:acme", "tokens", 3600, 1000)
    # Two hundred at once: on a busy machine the last of them waits for longer than a second.
    ledgers = [await shared.ledger(patience=60.0) for _ in range(4)]

    async def client(number: int) -> int:
        books, admitted, tokens = On(ledgers[number % 4]), 0, 3 + number % 9
        with contextlib.suppress(LimitExceeded):
            while True:
                await settle(books, await reserve(books, demand(limit, worst=tokens)), tokens)
                admitted += tokens
        return admitted

    admitted = sum(await asyncio.gather(*(client(number) for number in range(200))))

    assert 1000 - 3 < admitted <= 1000
    assert await used(On(ledgers[0]), limit) == admitted


async def test_a_call_is_one_round_trip(private: Shared) -> None:
    ledger = await private.ledger()
    books = On(ledger)
    with private.redis() as redis:
        redis.config_resetstat()
        reservation = await reserve(books, demand(*EACH, worst=10))
        await ledger.progress(reservation, usage(5), time.time())
        await settle(books, reservation, 10)
        await release(books, await reserve(books, demand(*EACH, worst=10)))
        await ledger.usage(tuple(Counter(each.key, each.unit, each.window) for each in EACH), 0)
        await ledger.standing("tenant:acme", 0)
        await ledger.reset("tenant:acme", 0)
        await ledger.grant(Counter(TPD.key, "tokens", 86_400), 5, 0)
        calls = redis.info("commandstats")["cmdstat_evalsha"]["calls"]

    assert calls == 9


async def test_the_server_s_clock_counts_and_not_the_caller_s(shared: Shared) -> None:
    books = On(await shared.ledger())
    before = time.time()
    reservation = await books.ledger.reserve(ADA, demand(TPD, worst=10), 0.0)
    await books.ledger.settle(reservation, usage(10), 10 * before)

    assert before <= reservation.time <= time.time()
    assert await used(books, TPD) == 10


@pytest.mark.parametrize("by", [-400 * 86_400, 400 * 86_400])
async def test_a_step_of_this_machine_s_clock_moves_nothing_and_costs_no_round_trip(
    private: Shared, monkeypatch: pytest.MonkeyPatch, by: float
) -> None:
    books, real = On(await private.ledger()), time.time
    await settle(books, await reserve(books, demand(*EACH, worst=10)), 10)
    monkeypatch.setattr(time, "time", lambda: real() + by)
    books.ledger.step(by, time.time())
    with private.redis() as redis:
        redis.config_resetstat()
        await settle(books, await reserve(books, demand(*EACH, worst=10)), 10)
        calls = redis.info("commandstats")["cmdstat_evalsha"]["calls"]

    assert calls == 2
    assert [await used(books, each) for each in EACH if each.unit == "tokens"] == [20] * 3


async def test_everything_expires_but_lifetimes_and_what_is_held(shared: Shared) -> None:
    books = On(await shared.ledger())
    for _ in range(2):
        await settle(books, await reserve(books, demand(*EACH, worst=10)), 10)
    held = await reserve(books, demand(Limit("held", "user:bob", "tokens", 60, 10), worst=1))
    with shared.redis() as redis:
        lasting = {
            key.removeprefix(f"{{{shared.name}}}:")
            for key in redis.scan_iter(f"{{{shared.name}}}:*")
            if redis.ttl(key) == -1
        }
        process = held.id.split("-")[0]
        still_open = redis.hlen(f"{{{shared.name}}}:open:{process}")

    assert lasting == {
        "now",
        "days",
        "processes",
        f"open:{process}",
        'c:["user:ada","tokens",{"type":"lifetime"}]',
        'c:["user:bob","tokens",60]',
    }
    assert still_open == 1


async def test_in_a_cluster_everything_is_in_one_slot() -> None:
    """The server owns the slot of this ledger's name and refuses every other key."""
    with running("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no") as server:
        shared = Shared(server)
        with shared.redis() as redis:
            slot = key_slot(shared.name.encode())
            redis.execute_command("CLUSTER ADDSLOTS", slot)
            for _ in range(200):
                if redis.execute_command("CLUSTER INFO")["cluster_state"] == "ok":
                    break
                await asyncio.sleep(0.05)
        books = On(await shared.ledger())
        await spend(books, TPD, 10)
        await reserve(books, demand(*EACH, worst=10, known=5))
        await books.ledger.close()
        successor = On(await shared.ledger())

        assert await used(successor, TPD) == 15
        await shared.close()


async def test_amounts_are_exact_to_the_last_one(shared: Shared) -> None:
    books = On(await shared.ledger())
    most = 2**53 - 1
    limit = Limit("cost", "tenant:acme", "cost", 86_400, most)
    await spend(books, limit, Usage(cost=most - 1000))
    await spend(books, limit, Usage(cost=999))

    assert await used(books, limit) == most - 1
    await refused(books, demand(limit, worst=Usage(cost=2)))
    await spend(books, limit, Usage(cost=1))
    unlimited = demand(worst=Usage(cost=1), counters=(Counter(limit.key, "cost", 86_400),))
    with pytest.raises(LedgerUnavailable, match="exactly"):
        await reserve(books, unlimited)


PROGRAM = """
import asyncio, sys
from extauth.ledger.redis import RedisLedger
from extauth.types import Lifetime, Limit
from tests.ledger.contract import demand, usage, ADA

async def main():
    ledger = RedisLedger(sys.argv[1], name=sys.argv[2], lease=1.0)
    await ledger.start()
    slots = Limit("slots", "tenant:acme", "slots", Lifetime(), 2)
    tokens = Limit("tokens_per_day", "tenant:acme", "tokens", 86400, 1000)
    for _ in range(2):
        mine = await ledger.reserve(ADA, demand(slots, tokens, worst=100, known=5), 0)
    await ledger.progress(mine, usage(30), 0)
    print("held", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_process_that_is_killed_frees_its_slots_after_its_lease(shared: Shared) -> None:
    books = On(await shared.ledger(lease=1.0))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, shared.server.url, shared.name, stdout=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    process.kill()
    await process.wait()
    killed = time.monotonic()
    await refused(books, demand(SLOTS))

    await until_used(books, SLOTS, 0)

    assert time.monotonic() - killed < 3
    assert await used(books, TPD) == 35
    ((_, sums),) = lines(shared.server.url, name=shared.name)
    assert (sums.requests, sums.completion_tokens, sums.unsettled) == (2, 35, 2)


async def test_a_process_that_was_paused_is_charged_the_rest_once(
    lapsing: tuple[RedisBooks, RedisBooks],
) -> None:
    paused, other = lapsing
    reservation = await reserve(paused, demand(TPD, SLOTS, worst=500, known=100))
    late = await reserve(paused, demand(TPD, worst=500, known=40))
    await lapse(other)
    assert [await used(other, each) for each in (TPD, SLOTS)] == [140, 0]

    await settle(paused, reservation, 300)
    await release(paused, late)

    assert [await used(other, each) for each in (TPD, SLOTS)] == [340, 0]
    ((_, sums),) = other.lines()
    assert (sums.requests, sums.completion_tokens, sums.unsettled) == (2, 340, 1)


async def test_no_lease_runs_out_while_nobody_is_heard(
    lapsing: tuple[RedisBooks, RedisBooks],
) -> None:
    """The server was away, not the processes."""
    first, second = lapsing
    reservation = await reserve(first, demand(TPD, SLOTS, worst=500))
    first.time.now += 3600
    await release(second, await reserve(second, demand()))

    assert await used(second, SLOTS) == 1
    await settle(first, reservation, 300)
    assert await used(second, TPD) == 300
    assert [sums.unsettled for _, sums in second.lines()] == [0]


async def test_a_sweep_ends_a_few_at_a_time_and_all_in_the_end(
    lapsing: tuple[RedisBooks, RedisBooks],
) -> None:
    paused, other = lapsing
    limit = Limit("many", "tenant:acme", "slots", Lifetime(), 100)
    for _ in range(100):
        await reserve(paused, demand(limit))
    await lapse(other)
    left = await used(other, limit)

    assert 100 - 4 * 16 <= left < 100
    for _ in range(10):
        await release(other, await reserve(other, demand()))
    assert await used(other, limit) == 0


async def test_a_password_is_used_and_never_told() -> None:
    with running("--requirepass", "open-sesame", password="open-sesame") as server:
        ledger = RedisLedger(server.url, password="open-sesame")
        await ledger.start()
        await ledger.close()
        with pytest.raises(StackError) as caught:
            await RedisLedger(server.url, password="wrong-secret").start()
        assert lines(server.url, password="open-sesame") == []

    assert "wrong-secret" not in str(caught.value)


async def test_a_reservation_that_arrives_after_it_was_given_up_is_not_made(
    shared: Shared,
) -> None:
    """Data sent over a lost connection may be read after later calls."""
    books = On(await shared.ledger())
    server = Server(
        shared.server.url,
        password=None,
        name=shared.name,
        process="late",
        lease=30,
        patience=1,
        clock=None,
    )
    claim = Calendars().spec(Counter(TPD.key, "tokens", 86_400), time.time())
    nothing = [0, 0, 50, 0, 0, 1, 1]
    asked = {"id": "1", "claims": [claim], "limits": [], "worst": nothing, "known": nothing}

    await server.call(RELEASE, {"id": "1", "again": True})
    answer = await server.call(RESERVE, {**asked, "line": "[]"})
    await server.close()

    assert answer[1] == "ended"
    assert await used(books, TPD) == 0

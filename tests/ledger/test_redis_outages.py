"""A Redis that comes and goes, and the ledger's behaviour."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from extauth.errors import LedgerUnavailable, StackError
from extauth.ledger.redis import RedisLedger, lines
from extauth.types import Lifetime, Limit
from tests.ledger.contract import (
    SLOTS,
    demand,
    release,
    reserve,
    settle,
    spend,
    until_used,
    used,
)
from tests.ledger.shared import EACH, TPD, On, Shared
from tests.redis_server import running

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow


async def test_a_reservation_that_the_server_lost_is_charged_in_full(private: Shared) -> None:
    books = On(await private.ledger())
    reservation = await reserve(books, demand(EACH[0], TPD, SLOTS, worst=500))
    with private.redis() as redis:
        redis.flushall()
    await settle(books, reservation, 300)

    assert [await used(books, each) for each in (EACH[0], TPD, SLOTS)] == [1, 300, 0]


async def test_the_books_agree_after_the_server_was_killed(private: Shared) -> None:
    books = On(await private.ledger())
    await spend(books, TPD, 100)
    reservation = await reserve(books, demand(TPD, worst=500))
    await asyncio.to_thread(private.server.restart)

    assert await used(books, TPD) == 600
    await settle(books, reservation, 50)
    assert await used(books, TPD) == 150


async def test_nothing_is_let_through_while_the_server_is_away(private: Shared) -> None:
    books = On(await private.ledger(patience=0.3))
    await spend(books, TPD, 100)
    reservation = await reserve(books, demand(TPD, worst=500))
    await asyncio.to_thread(private.server.stop)
    started = time.monotonic()
    for _ in range(3):
        with pytest.raises(LedgerUnavailable):
            await reserve(books, demand(TPD, worst=1))
    with pytest.raises(LedgerUnavailable):
        await settle(books, reservation, 50)

    assert books.ledger.failure is not None
    assert time.monotonic() - started < 4
    await asyncio.to_thread(private.server.start)
    await until_used(books, TPD, 150)
    assert books.ledger.failure is None
    await spend(books, TPD, 850)


async def test_a_server_that_is_paused_for_five_seconds(private: Shared) -> None:
    """Requests are refused in bounded time; a call under way counts once, or not at all."""
    limit = Limit("paused", "tenant:acme", "tokens", 3600, 10**6)
    ledgers = [On(await private.ledger(patience=0.5)) for _ in range(2)]
    settled, admitted_while_paused, slowest = 0, 0, 0.0
    paused, over = False, False

    async def client(number: int) -> None:
        nonlocal settled, admitted_while_paused, slowest
        books = ledgers[number % 2]
        while not over:
            began, was_paused = time.monotonic(), paused
            try:
                reservation = await reserve(books, demand(limit, SLOTS_MANY, worst=100))
            except LedgerUnavailable:
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.05)
                continue
            admitted_while_paused += was_paused and paused
            settled += 7
            with contextlib.suppress(LedgerUnavailable):
                await settle(books, reservation, 7)

    clients = [asyncio.create_task(client(number)) for number in range(20)]
    await asyncio.sleep(0.5)
    private.server.pause()
    paused = True
    await asyncio.sleep(5)
    paused = False
    private.server.resume()
    await asyncio.sleep(0.5)
    over = True
    await asyncio.gather(*clients)

    assert admitted_while_paused == 0
    assert slowest < 2
    await until_used(ledgers[0], limit, settled)
    await until_used(ledgers[0], SLOTS_MANY, 0)
    ((_, sums),) = lines(private.server.url, name=private.name)
    assert (sums.requests, sums.completion_tokens) == (settled // 7, settled)
    assert sums.unsettled == 0


SLOTS_MANY = Limit("slots", "tenant:acme", "slots", Lifetime(), 1000)


async def test_requests_wait_for_a_slow_server(private: Shared) -> None:
    books = On(await private.ledger(patience=2.0))
    with private.redis() as redis:
        redis.execute_command("CLIENT PAUSE", 300)
        began = time.monotonic()
        await asyncio.gather(*(spend(books, TPD, 10) for _ in range(50)))

    assert time.monotonic() - began > 0.25
    assert await used(books, TPD) == 500


async def test_an_end_that_was_told_twice_counts_once(private: Shared) -> None:
    """The server ran the script, and only its answer was lost."""
    books = On(await private.ledger(patience=0.3))
    reservations = [await reserve(books, demand(TPD, worst=50)) for _ in range(10)]
    with private.redis() as redis:
        redis.execute_command("CLIENT PAUSE", 800)
    answers = await asyncio.gather(
        *(settle(books, each, 5) for each in reservations), return_exceptions=True
    )

    assert any(isinstance(answer, LedgerUnavailable) for answer in answers)
    await until_used(books, TPD, 50)
    ((_, sums),) = lines(private.server.url, name=private.name)
    assert (sums.requests, sums.completion_tokens) == (10, 50)


async def test_a_reservation_whose_answer_was_lost_does_not_stay(private: Shared) -> None:
    books = On(await private.ledger(patience=0.3))
    private.server.pause()
    with pytest.raises(LedgerUnavailable):
        await reserve(books, demand(TPD, SLOTS, worst=50))
    private.server.resume()

    await until_used(books, TPD, 0)
    await until_used(books, SLOTS, 0)
    assert books.ledger.open == 0


async def test_a_ledger_that_closes_tells_what_it_can_and_no_lease_remains(
    shared: Shared,
) -> None:
    first, second = On(await shared.ledger()), On(await shared.ledger())
    await reserve(first, demand(TPD, SLOTS, worst=50, known=20))
    await first.ledger.close()
    await release(second, await reserve(second, demand()))

    assert [await used(second, each) for each in (TPD, SLOTS)] == [20, 0]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://localhost", "URL"),
        ("redis://127.0.0.1:1/0", "can't be used"),
        ("unix:///nowhere/redis.sock", "can't be used"),
    ],
)
async def test_a_server_that_is_not_there_is_told_at_the_start(url: str, told: str) -> None:
    with pytest.raises(StackError, match=told):
        await RedisLedger(url).start()


async def test_a_server_that_may_forget_is_refused() -> None:
    with (
        running("--maxmemory-policy", "allkeys-lru") as server,
        pytest.raises(StackError, match="noeviction"),
    ):
        await RedisLedger(server.url).start()

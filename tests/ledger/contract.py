"""Both ledgers behind one interface, so that every promise of the protocol is tried on both."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Protocol

from extauth.errors import LedgerUnavailable, LimitExceeded
from extauth.ledger import Counter, Demand, EmbeddedLedger
from extauth.ledger.redis import RedisLedger, lines
from extauth.ledger.store import report_lines
from extauth.types import Account, CalendarPeriod, Lifetime, Limit, TokenBucket, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.ledger import Ledger, Reservation
    from extauth.ledger.lines import UsageLine, Used
    from extauth.types import Unit, Window
    from tests.redis_server import RedisServer

NOW = 1_790_000_000.0
ADA = Account("acme", "acme/ada", "chat", "1", "research")


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Books(Protocol):
    """A ledger, and the fates of the process that has it."""

    time: Time
    ledger: Ledger

    async def open(self) -> None:
        """Start, also after a death."""

    async def close(self) -> None:
        """Stop in an orderly way."""

    async def die(self) -> None:
        """Kill the process; another one takes over once its lease has expired."""

    def lines(self) -> list[tuple[UsageLine, Used]]:
        """Return the usage report's lines."""


class EmbeddedBooks:
    """Books on files. A killed process and a closed one leave the same files."""

    def __init__(self, directory: Path) -> None:
        self.time = Time()
        self._path = directory / "ledger.db"
        self.ledger: Ledger = EmbeddedLedger(self._path, self.time)

    async def open(self) -> None:
        self.ledger = EmbeddedLedger(self._path, self.time)
        await self.ledger.start()

    async def close(self) -> None:
        await self.ledger.close()

    async def die(self) -> None:
        await self.ledger.close()
        await self.open()

    def lines(self) -> list[tuple[UsageLine, Used]]:
        return report_lines(self._path)


class RedisBooks:
    """Books on a server. A ledger that is closed has given up its lease."""

    def __init__(self, server: RedisServer) -> None:
        self.time = Time()
        self.url = server.url
        self.name = secrets.token_hex(4)
        self.ledger: Ledger = self.another()

    def another(self) -> RedisLedger:
        """Return another process on the same books, patient since speed is not tested."""
        return RedisLedger(self.url, name=self.name, patience=60.0, clock=self.time)

    async def open(self) -> None:
        self.ledger = self.another()
        await self.ledger.start()

    async def close(self) -> None:
        await self.ledger.close()

    async def die(self) -> None:
        await self.ledger.close()
        await self.open()

    def lines(self) -> list[tuple[UsageLine, Used]]:
        return lines(self.url, name=self.name)


def usage(tokens: int) -> Usage:
    """Return a usage of that many tokens, all of them completion tokens."""
    return Usage(completion_tokens=tokens)


def demand(
    *limits: Limit,
    worst: Usage | int = 1,
    least: Usage | int = 0,
    known: Usage | int = 0,
    counters: tuple[Counter, ...] = (),
) -> Demand:
    """Return a demand; a number stands for that many completion tokens."""
    worst, least, known = (
        usage(each) if isinstance(each, int) else each for each in (worst, least, known)
    )
    return Demand(limits, worst, least, known, counters)


async def reserve(books: Books, asked: Demand) -> Reservation:
    """Reserve for Ada, now."""
    return await books.ledger.reserve(ADA, asked, books.time())


async def settle(books: Books, reservation: Reservation, used: Usage | int = 0) -> list[int]:
    """Settle now; return the percents of limits that were crossed."""
    used = usage(used) if isinstance(used, int) else used
    crossings = await books.ledger.settle(reservation, used, books.time())
    return [crossing.percent for crossing in crossings]


async def release(books: Books, reservation: Reservation) -> None:
    """Release now."""
    await books.ledger.release(reservation, books.time())


async def spend(books: Books, limit: Limit, used: Usage | int) -> list[int]:
    """Run one whole request."""
    return await settle(books, await reserve(books, demand(limit, worst=used)), used)


async def used(books: Books, limit: Limit) -> int:
    """Return the usage under a limit, held and booked."""
    counter = Counter(limit.key, limit.unit, limit.window)
    (amount,) = await books.ledger.usage((counter,), books.time())
    return amount


async def until_used(books: Books, limit: Limit, amount: int) -> None:
    """Wait for a background change of a ledger's usage."""
    for _ in range(1000):
        with contextlib.suppress(LedgerUnavailable):
            if await used(books, limit) == amount:
                return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{limit.name} never counted {amount}")


async def refused(books: Books, asked: Demand) -> LimitExceeded:
    """Return the error of a request that must not fit."""
    try:
        await reserve(books, asked)
    except LimitExceeded as error:
        return error
    raise AssertionError("the request was let through")


KEY = "tenant:acme"
RPM = Limit("requests_per_minute", KEY, "requests", 60, 3)
TPM = Limit("tokens_per_minute", KEY, "tokens", 60, 1000)
BUCKET = Limit("burst", KEY, "tokens", TokenBucket(10, 60), 100)
DAY = Limit("daily", KEY, "tokens", CalendarPeriod("day"), 1000)
ONCE = Limit("trial", KEY, "tokens", Lifetime(), 1000)
SLOTS = Limit("slots", KEY, "slots", Lifetime(), 2)


def limit(unit: Unit, window: Window, most: int, **options: object) -> Limit:
    """Return a limit whose key all tests share."""
    return Limit("limit", KEY, unit, window, most, **options)

"""The wall clock is set while the embedded ledger is open, or between two of them."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

import pytest

from extauth.ledger import Counter, EmbeddedLedger
from extauth.ledger.calendar import bounds
from extauth.ledger.store import report_lines
from extauth.ledger.writer import FOLD_ENTRIES, MAX_WAITING
from extauth.types import CalendarPeriod, Limit, Usage
from tests.ledger.embedded import (
    ADA,
    NOW,
    clock,
    demand,
    left,
    python,
    reserve,
    total,
)

if TYPE_CHECKING:
    from pathlib import Path


YEAR = 365 * 86_400


@pytest.mark.parametrize("ahead", [3600, YEAR, 40 * YEAR])
async def test_a_store_from_a_time_to_come_goes_on_from_now(path: Path, ahead: float) -> None:
    fast = EmbeddedLedger(path, lambda: NOW + ahead)
    await fast.start()
    await fast.settle(await reserve(fast, 300, NOW + ahead), Usage(100, 50), NOW + ahead)
    await fast.close()

    ledger = EmbeddedLedger(path, lambda: NOW)
    await ledger.start()

    assert ledger.moved == pytest.approx(-ahead, abs=0.01)
    assert await left(ledger, NOW + 59) == [99, 850]
    assert await left(ledger, NOW + 62) == [100, 850]
    assert await left(ledger, NOW + 61 / 60 * 86_400 + 1) == [100, 1000]
    await ledger.close()
    assert total(path) == (1, 100, 50, 0)


async def test_the_days_of_the_report_go_on_from_now_too(path: Path) -> None:
    for before in (NOW + YEAR, NOW):
        ledger = EmbeddedLedger(path, partial(float, before))
        await ledger.start()
        await ledger.close()
    ledger = EmbeddedLedger(path, partial(float, NOW))
    await ledger.start()

    await ledger.settle(await reserve(ledger, 10, NOW), Usage(5, 5), NOW)

    assert [line.day for line, _ in report_lines(path)] == ["2026-09-21"]
    await ledger.close()
    assert [line.day for line, _ in report_lines(path)] == ["2026-09-21"]


async def test_a_store_from_before_is_only_time_that_went_by(path: Path) -> None:
    slow = EmbeddedLedger(path, lambda: 5.0)
    await slow.start()
    await slow.settle(await reserve(slow, 300, 5.0), Usage(100, 50), 5.0)
    await slow.close()

    ledger = EmbeddedLedger(path, clock)
    await ledger.start()

    assert ledger.moved == 0
    assert await left(ledger) == [100, 1000]
    await ledger.close()


STEPPED = """
import asyncio, os, pathlib, signal, sys
from extauth.ledger import Demand, EmbeddedLedger
from extauth.observability.clock import SteadyClock
from extauth.types import Account, Limit, Usage

NOW, YEAR = 1_790_000_000.0, 365 * 86_400
ADA = Account("acme", "acme/ada", "chat", "1")
TPD = Limit("tokens_per_day", "tenant:acme", "tokens", 86_400, 1000)
up, set_to = 1000.0, NOW + YEAR
clock = SteadyClock(lambda: up + set_to, lambda: up)

async def main():
    global up, set_to
    ledger = EmbeddedLedger(pathlib.Path(sys.argv[1]), clock)
    await ledger.start()

    async def request():
        wanted = Demand((TPD,), Usage(100, 50), Usage(), Usage(30))
        running = await ledger.reserve(ADA, wanted, clock())
        await ledger.settle(running, Usage(100, 50), clock())

    left_open = await ledger.reserve(ADA, Demand((TPD,), Usage(100), Usage(), Usage(30)), clock())
    await request()
    up += 6000
    set_to = NOW
    ledger.step(clock.follow(), clock())
    await request()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_process_killed_after_its_clock_was_set_loses_nothing(path: Path) -> None:
    status, output = await python(STEPPED, path)
    assert status == -signal.SIGKILL, output
    assert {line.day for line, _ in report_lines(path)} == {"2027-09-21", "2026-09-21"}

    now = NOW + 7000
    ledger = EmbeddedLedger(path, lambda: now)
    await ledger.start()

    assert ledger.moved == 0
    assert (await left(ledger, now))[1] == 1000 - 150 - 150 - 30
    # The first of them was booked 6,000 s before the others.
    assert (await left(ledger, now - 6000 + 86_400))[1] == 1000 - 150 - 150 - 30
    assert (await left(ledger, now + 86_400))[1] == 1000 - 150 - 30
    assert (await left(ledger, now + 61 / 60 * 86_400 + 1))[1] == 1000
    await ledger.close()
    assert total(path) == (3, 230, 100, 1)


async def test_a_store_of_the_version_before_goes_on(path: Path) -> None:
    first = EmbeddedLedger(path, clock)
    await first.start()
    await first.settle(await reserve(first, 300, NOW), Usage(100, 50), NOW)
    await first.close()
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE folded DROP COLUMN ahead")
        connection.execute("PRAGMA user_version = 2")
    connection.close()

    second = EmbeddedLedger(path, clock)
    await second.start()
    remaining = await left(second, NOW + 1)
    await second.close()

    assert remaining == [99, 850]


async def test_a_fold_that_failed_does_not_lose_a_step(path: Path) -> None:
    now = NOW + YEAR
    ledger = EmbeddedLedger(path, lambda: now)
    await ledger.start()
    day = Limit("day", "tenant:acme", "tokens", CalendarPeriod("day"), 1000)
    counter = Counter(day.key, day.unit, day.window)
    await ledger.settle(await ledger.reserve(ADA, demand(10, day), now), Usage(5, 5), now)
    now = NOW
    ledger.step(-YEAR, now)
    busy = sqlite3.connect(path, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    for _ in range(2 * FOLD_ENTRIES):
        await ledger.release(await ledger.reserve(ADA, demand(0, day), now), now)
    await asyncio.sleep(0.05)
    busy.execute("ROLLBACK")
    busy.close()
    await ledger.close()

    again = EmbeddedLedger(path, lambda: now)
    await again.start()
    _, end = bounds(day.window, now)
    assert again.moved == 0
    assert await again.usage((counter,), end - 1) == (10,)
    assert await again.usage((counter,), end) == (0,)
    await again.close()


async def test_who_waited_for_the_disk_while_the_clock_was_set_back_does_not_stop_it(
    path: Path,
) -> None:
    now = NOW + YEAR
    ledger = EmbeddedLedger(path, lambda: now)
    await ledger.start()
    slow = sqlite3.connect(path, isolation_level=None)
    slow.execute("BEGIN IMMEDIATE")
    many = Limit("many", "many", "requests", 60, 10**6)

    async def request() -> None:
        reservation = await ledger.reserve(ADA, demand(1, many), now)
        await ledger.settle(reservation, Usage(1, 0), now)

    tasks = [asyncio.create_task(request()) for _ in range(2 * MAX_WAITING)]
    await tasks[0]
    assert not all(task.done() for task in tasks)
    now = NOW
    ledger.step(-YEAR, now)
    slow.execute("COMMIT")
    slow.close()
    await asyncio.gather(*tasks)

    counted = (Counter("many", "requests", 60),)
    assert await ledger.usage(counted, NOW) == (len(tasks),)
    assert await ledger.usage(counted, NOW + 62) == (0,)
    await ledger.close()

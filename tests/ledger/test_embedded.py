"""The embedded ledger's files: contents, survival of a crash, and a disk that refuses."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import stat
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.errors import LedgerUnavailable, LimitExceeded, StackError
from extauth.ledger import Counter, Demand, EmbeddedLedger
from extauth.ledger.writer import FOLD_ENTRIES, MAX_WAITING
from extauth.types import CalendarPeriod, Limit, Usage
from tests.ledger.embedded import (
    ADA,
    COUNTED,
    KILLED,
    NOW,
    RPM,
    TPD,
    clock,
    demand,
    left,
    python,
    reserve,
    total,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[EmbeddedLedger]:
    ledger = EmbeddedLedger(path, clock)
    await ledger.start()
    yield ledger
    await ledger.close()


async def test_a_settlement_is_on_disk_when_it_returns(ledger: EmbeddedLedger, path: Path) -> None:
    await ledger.settle(await reserve(ledger, 500), Usage(100, 50), NOW)

    assert total(path) == (1, 100, 50, 0)
    assert await left(ledger) == [99, 850]


async def test_a_second_end_changes_nothing(ledger: EmbeddedLedger, path: Path) -> None:
    reservation = await reserve(ledger, 500)
    await ledger.settle(reservation, Usage(100, 50), NOW)
    await ledger.settle(reservation, Usage(400, 100), NOW)
    await ledger.release(reservation, NOW)

    assert total(path) == (1, 100, 50, 0)
    assert await left(ledger) == [99, 850]


async def test_a_release_gives_everything_back(ledger: EmbeddedLedger, path: Path) -> None:
    await ledger.release(await reserve(ledger, 500), NOW + 5)

    assert await left(ledger, NOW + 5) == [100, 1000]
    assert total(path) == (0, 0, 0, 0)


async def test_usage_counts_what_is_settled_and_what_is_reserved(ledger: EmbeddedLedger) -> None:
    await ledger.settle(await reserve(ledger, 500), Usage(100, 50), NOW)
    await reserve(ledger, 300, NOW + 3600)

    assert await ledger.usage(COUNTED, NOW + 3600) == (1, 450)


async def test_counters_without_a_limit_count_too(ledger: EmbeddedLedger) -> None:
    month = Counter("team:blue", "cost", CalendarPeriod("month"))
    wanted = Demand((), Usage(10, 90, 700), Usage(), Usage(), (month,))
    running = await ledger.reserve(ADA, wanted, NOW)
    assert await ledger.usage((month,), NOW) == (700,)

    await ledger.settle(running, Usage(10, 20, 300), NOW)

    assert await ledger.usage((month,), NOW) == (300,)


async def test_fifty_racing_tasks_can_not_pass_a_limit(ledger: EmbeddedLedger, path: Path) -> None:
    async def request(number: int) -> bool:
        try:
            reservation = await reserve(ledger, 90, NOW + number / 10)
        except LimitExceeded:
            return False
        await ledger.settle(reservation, Usage(60, 30), NOW + number / 10)
        return True

    served = await asyncio.gather(*map(request, range(50)))

    assert sum(served) == 11
    assert total(path) == (11, 660, 330, 0)


async def test_a_cancelled_settlement_is_settled_all_the_same(
    ledger: EmbeddedLedger, path: Path
) -> None:
    # LiteLLM loses the decrement to CancelledError (litellm#28160).
    reservation = await reserve(ledger, 500)
    task = asyncio.create_task(ledger.settle(reservation, Usage(100, 50), NOW))
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

    await ledger.settle(await reserve(ledger, 1), Usage(0, 0), NOW)

    assert total(path) == (2, 100, 50, 0)
    assert await left(ledger) == [98, 850]


@pytest.mark.parametrize("requests", [1, FOLD_ENTRIES // 2])
async def test_limits_go_on_after_a_restart(path: Path, requests: int) -> None:
    wide = (msgspec.structs.replace(RPM, max=10**6), msgspec.structs.replace(TPD, max=10**6))
    first = EmbeddedLedger(path, clock)
    await first.start()
    for _ in range(requests):
        reservation = await first.reserve(ADA, demand(100, *wide), NOW)
        await first.settle(reservation, Usage(2, 1), NOW)
    await first.release(await first.reserve(ADA, demand(100, *wide), NOW), NOW)
    await first.close()

    second = EmbeddedLedger(path, clock)
    await second.start()
    remaining = await left(second, NOW + 1)
    await second.close()

    assert remaining == [RPM.max - requests, TPD.max - 3 * requests]


async def test_a_killed_process_loses_nothing_that_is_known(path: Path) -> None:
    status, _ = await python(KILLED, path)
    assert status == -signal.SIGKILL
    assert total(path) == (1, 100, 50, 0)

    ledger = EmbeddedLedger(path, clock)
    await ledger.start()
    remaining = (await left(ledger))[1]
    await ledger.close()

    # What was running counts as what is known of it: the prompt, or a part of the stream.
    assert remaining == 1000 - 150 - 30 - 50
    assert total(path) == (3, 160, 70, 2)


async def test_only_one_process_keeps_a_ledger(ledger: EmbeddedLedger, path: Path) -> None:
    with pytest.raises(StackError, match="another process keeps this ledger"):
        await EmbeddedLedger(path, clock).start()

    await reserve(ledger, 1)


async def test_a_file_of_another_version_is_refused(path: Path) -> None:
    first = EmbeddedLedger(path, clock)
    await first.start()
    await first.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(StackError, match="another version"):
        await EmbeddedLedger(path, clock).start()


async def test_files_are_private(ledger: EmbeddedLedger, path: Path) -> None:
    await ledger.settle(await reserve(ledger, 1), Usage(1, 0), NOW)

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    modes = {
        file.name: stat.S_IMODE(file.stat().st_mode) - 0o100 * file.is_dir()
        for file in path.parent.rglob("*")
    }
    assert any(name.endswith(".jsonl") for name in modes)
    assert set(modes.values()) == {0o600}, modes


async def test_without_a_ledger_nothing_is_let_through(path: Path) -> None:
    ledger = EmbeddedLedger(path, clock)
    with pytest.raises(LedgerUnavailable):
        await reserve(ledger, 1)
    await ledger.start()
    reservation = await reserve(ledger, 1)
    await ledger.close()

    for refused in (
        reserve(ledger, 1),
        ledger.settle(reservation, Usage(1, 0), NOW),
        ledger.release(reservation, NOW),
        ledger.usage((), NOW),
    ):
        with pytest.raises(LedgerUnavailable):
            await refused


FULL_DISK = """
import asyncio, pathlib, resource, signal, sys
from extauth.errors import LedgerUnavailable
from extauth.ledger import Demand, EmbeddedLedger
from extauth.types import Account, Limit, Usage

NOW = 1_790_000_000.0
ADA = Account("acme", "acme/ada", "chat", "1")
TPD = Limit("tokens_per_day", "tenant:acme", "tokens", 86_400, 1000)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

async def refused(awaitable):
    try:
        await awaitable
    except LedgerUnavailable as error:
        return error.message
    raise SystemExit("was let through")

async def main():
    ledger = EmbeddedLedger(pathlib.Path(sys.argv[1]), lambda: NOW)
    await ledger.start()
    def demand(tokens):
        return Demand((TPD,), Usage(tokens), Usage(tokens), Usage())
    one = await ledger.reserve(ADA, demand(300), NOW)
    two = await ledger.reserve(ADA, demand(300), NOW)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    print(await refused(ledger.settle(one, Usage(10, 0), NOW)), flush=False)
    await refused(ledger.reserve(ADA, demand(1), NOW))
    await refused(ledger.usage((), NOW))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await ledger.settle(two, Usage(20, 0), NOW)
    await ledger.reserve(ADA, demand(1), NOW)
    await ledger.close()

asyncio.run(main())
"""


async def test_a_full_disk_lets_nothing_through_and_loses_nothing(path: Path) -> None:
    status, output = await python(FULL_DISK, path)

    assert status == 0, output
    assert "can't be written" in output
    assert total(path)[:2] == (2, 30)


async def test_sums_slower_than_the_requests_make_them_wait(
    ledger: EmbeddedLedger, path: Path
) -> None:
    slow = sqlite3.connect(path, isolation_level=None)
    slow.execute("BEGIN IMMEDIATE")
    many = Limit("many", "many", "requests", 60, 10**6)

    async def request() -> None:
        reservation = await ledger.reserve(ADA, demand(1, many), NOW)
        await ledger.settle(reservation, Usage(1, 0), NOW)

    tasks = [asyncio.create_task(request()) for _ in range(2 * MAX_WAITING)]
    await tasks[0]

    assert not all(task.done() for task in tasks)

    slow.execute("COMMIT")
    slow.close()
    await asyncio.gather(*tasks)
    assert await ledger.usage((Counter("many", "requests", 60),), NOW) == (len(tasks),)
    assert total(path) == (len(tasks), len(tasks), 0, 0)


async def test_a_report_sees_every_settlement_while_sums_are_written(
    ledger: EmbeddedLedger, path: Path
) -> None:
    for done in range(1, 2 * FOLD_ENTRIES):
        await ledger.settle(await reserve(ledger, 0, NOW + 60 * done), Usage(0, 0), NOW + 60 * done)
        if done % 32 == 0:
            assert await asyncio.to_thread(total, path) == (done, 0, 0, 0)


async def test_a_half_written_line_at_the_end_does_not_count(path: Path) -> None:
    status, _ = await python(KILLED, path)
    assert status == -signal.SIGKILL
    (journal,) = path.with_suffix(".journal").iterdir()
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-7])

    assert total(path) == (0, 0, 0, 0)

    journal.write_bytes(whole[:-7] + b"\n")

    assert total(path) == (0, 0, 0, 0)


async def test_a_damaged_journal_is_refused(path: Path) -> None:
    status, _ = await python(KILLED, path)
    assert status == -signal.SIGKILL
    (journal,) = path.with_suffix(".journal").iterdir()
    journal.write_bytes(b"nonsense\n" + journal.read_bytes())
    (journal.parent / "0000000002.jsonl").touch()

    with pytest.raises(StackError, match=r"0000000001.jsonl:1: is damaged"):
        await EmbeddedLedger(path, clock).start()


async def test_time_that_steps_back_stands_still(ledger: EmbeddedLedger) -> None:
    await ledger.settle(await reserve(ledger, 10, NOW + 100), Usage(5, 5), NOW + 100)
    reservation = await reserve(ledger, 10, NOW)
    await ledger.release(reservation, NOW - 100)

    assert await left(ledger, NOW) == [99, 990]

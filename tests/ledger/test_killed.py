"""A process is killed at any moment, again and again: no answer is lost, none counts twice."""

from __future__ import annotations

import asyncio
import random
import sys
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING

import pytest

from extauth.ledger import Counter, EmbeddedLedger
from extauth.ledger.reports import report
from extauth.ledger.store import report_lines

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

KILLS = 30
TOKENS = 15
# Eight clients at once. "r" is written before a request is reserved, "a" when its answer, whose
# usage was settled, has reached the client.
LOADED = """
import asyncio, os, pathlib, sys, time
from extauth.ledger import Demand, EmbeddedLedger
from extauth.types import Account, Limit, Usage

ADA = Account("acme", "acme/ada", "chat", "1")
ALL = Limit("tokens", "tenant:acme", "tokens", 86_400, 10**9)
WANTED = Demand((ALL,), Usage(10, 90), Usage(10, 1), Usage(10))

async def client(ledger):
    while True:
        os.write(1, b"r")
        running = await ledger.reserve(ADA, WANTED, time.time())
        await asyncio.sleep(0)
        await ledger.settle(running, Usage(10, 5), time.time())
        os.write(1, b"a")
        await asyncio.sleep(0.001)

async def main():
    ledger = EmbeddedLedger(pathlib.Path(sys.argv[1]), time.time)
    await ledger.start()
    await asyncio.gather(*[client(ledger) for _ in range(8)])

asyncio.run(main())
"""


async def _killed(path: Path, after: float) -> bytes:
    """Return the output of a process that is killed `after` its first answer."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOADED, str(path), stdout=PIPE
    )
    assert process.stdout is not None
    written = await process.stdout.readuntil(b"a")
    await asyncio.sleep(after)
    process.kill()
    written += await process.stdout.read()
    await process.wait()
    return written


async def test_thirty_kills(tmp_path: Path) -> None:
    path, chance = tmp_path / "ledger.db", random.Random(7)  # noqa: S311 - moments, no secrets
    written = b""
    for _ in range(KILLS):
        written += await _killed(path, chance.uniform(0, 0.06))
    ledger = EmbeddedLedger(path, lambda: 0.0)
    await ledger.start()
    (counted,) = await ledger.usage((Counter("tenant:acme", "tokens", 86_400),), 0.0)
    await ledger.close()

    (row,) = report(report_lines(path), by=())
    settled = row.requests - row.unsettled
    assert written.count(b"a") <= settled <= row.requests <= written.count(b"r")
    assert row.unsettled <= 8 * KILLS
    assert row.prompt_tokens == 10 * row.requests
    assert row.completion_tokens == 5 * settled
    assert counted == row.prompt_tokens + row.completion_tokens

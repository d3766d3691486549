"""Shared by the tests of the embedded ledger's files: what is asked, counted and killed."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from typing import TYPE_CHECKING

from extauth.ledger import Counter, Demand, EmbeddedLedger
from extauth.ledger.reports import report
from extauth.ledger.store import report_lines
from extauth.types import Account, Limit, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.ledger import Reservation

NOW = 1_790_000_000.0
ADA = Account("acme", "acme/ada", "chat", "1")
RPM = Limit("requests_per_minute", "tenant:acme", "requests", 60, 100)
TPD = Limit("tokens_per_day", "tenant:acme", "tokens", 86_400, 1000)


def clock() -> float:
    return NOW + 1


COUNTED = (Counter(RPM.key, "requests", 60), Counter(TPD.key, "tokens", 86_400))


def demand(tokens: int, *limits: Limit, known: int = 0) -> Demand:
    worst = Usage(known, tokens - known)
    return Demand(limits or (RPM, TPD), worst, worst, Usage(known))


async def reserve(ledger: EmbeddedLedger, tokens: int, now: float = NOW) -> Reservation:
    return await ledger.reserve(ADA, demand(tokens), now)


async def left(ledger: EmbeddedLedger, now: float = NOW) -> list[int]:
    """Return the remaining requests and tokens of the limits."""
    requests, tokens = await ledger.usage(COUNTED, now)
    return [RPM.max - requests, TPD.max - tokens]


async def python(program: str, path: Path) -> tuple[int | None, str]:
    """Run a program on a ledger; return its exit status and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(path), stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def total(path: Path) -> tuple[int, int, int, int]:
    rows = report(report_lines(path), by=("tenant",))
    if not rows:
        return (0, 0, 0, 0)
    (row,) = rows
    return row.requests, row.prompt_tokens, row.completion_tokens, row.unsettled


KILLED = """
import asyncio, os, pathlib, signal, sys
from extauth.ledger import Demand, EmbeddedLedger
from extauth.types import Account, Limit, Usage

NOW = 1_790_000_000.0
ADA = Account("acme", "acme/ada", "chat", "1")
TPD = Limit("tokens_per_day", "tenant:acme", "tokens", 86_400, 1000)

async def main():
    ledger = EmbeddedLedger(pathlib.Path(sys.argv[1]), lambda: NOW)
    await ledger.start()
    def demand(tokens):
        return Demand((TPD,), Usage(30, tokens - 30), Usage(30, 1), Usage(30))
    done = await ledger.reserve(ADA, demand(300), NOW)
    streaming = await ledger.reserve(ADA, demand(200), NOW)
    running = await ledger.reserve(ADA, demand(400), NOW)
    await ledger.progress(streaming, Usage(30, 20), NOW)
    await ledger.settle(done, Usage(100, 50), NOW)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""

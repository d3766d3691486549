"""The report's lines come from the ledger that the configuration names."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

import pytest

from extauth.errors import StackError
from extauth.ledger import Demand, EmbeddedLedger
from extauth.ledger.redis import RedisLedger
from extauth.ledger.reports import report
from extauth.settings import LedgerSettings as Settings
from extauth.types import Account, Usage
from extauth.usage import LineSource
from tests.redis_server import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from extauth.ledger import Ledger

DAY = 86_400
MONDAY = 1_790_000_000.0  # 2026-09-21
USED = Usage(10, 5, 250, 1500)


@asynccontextmanager
async def books(
    kind: Literal["embedded", "redis"], root: Path
) -> AsyncIterator[tuple[Ledger, LineSource, list[float]]]:
    """A ledger, the source of its lines, and the clock of a shared one."""
    now = [MONDAY]
    if kind == "embedded":
        ledger = EmbeddedLedger(root / "ledger.db", lambda: now[0])
        await ledger.start()
        yield ledger, LineSource(Settings(), root / "ledger.db"), now
        await ledger.close()
        return
    (root / "password").write_text("hushed\n")
    (root / "password").chmod(0o600)
    with running("--requirepass", "hushed", password="hushed") as server:
        settings = Settings("redis", server.url, str(root / "password"))
        shared = RedisLedger(server.url, password="hushed", clock=lambda: now[0])
        await shared.start()
        yield shared, LineSource(settings, root / "none.db"), now
        await shared.close()


@pytest.mark.parametrize("kind", ["embedded", "redis"])
async def test_lines_are_chosen_by_principal_and_day(
    kind: Literal["embedded", "redis"], tmp_path: Path
) -> None:
    async with books(kind, tmp_path) as (ledger, source, now):
        for day in (0, 1):
            now[0] = MONDAY + day * DAY
            for name in ("ada", "ada2"):
                account = Account("acme", f"acme/{name}", "chat", "1", "research")
                held = await ledger.reserve(account, Demand((), USED, USED, USED), now[0])
                await ledger.settle(held, USED, now[0])

        everything = report(source.lines(), by=("day", "team"))
        own = report(source.lines(principal="acme/ada", since="2026-09-22"), by=("principal",))

    assert [(*row.group.values(), row.requests, row.cost) for row in everything] == [
        ("2026-09-21", "research", 2, 500),
        ("2026-09-22", "research", 2, 500),
    ]
    assert [(*row.group.values(), row.requests, row.compute_seconds) for row in own] == [
        ("acme/ada", 1, 1.5)
    ]


def test_a_password_that_is_gone_is_told(tmp_path: Path) -> None:
    settings = Settings("redis", "redis://127.0.0.1:1", str(tmp_path / "password"))

    with pytest.raises(StackError, match="the password of Redis can't be read"):
        LineSource(settings, tmp_path / "ledger.db").lines()


def test_a_server_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="can't be read"):
        LineSource(Settings("redis", "redis://127.0.0.1:1"), tmp_path / "ledger.db").lines()

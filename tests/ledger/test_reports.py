"""The usage report: exact at any moment, by whatever columns, priced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError
from extauth.ledger import Charge, EmbeddedLedger
from extauth.ledger.reports import Selection, report
from extauth.settings import Price
from extauth.types import Account, Limit, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MONDAY = 1_790_035_200.0 - 10  # 2026-09-21T23:59:50Z
LIMIT = Limit("day", "all", "tokens", 86_400, 10**9)


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    """The file of a running ledger: three requests on Monday, one on Tuesday."""
    path = tmp_path / "ledger.db"
    ledger = EmbeddedLedger(path, lambda: MONDAY)
    await ledger.start()
    for account, usage, time in (
        (Account("acme", "acme/ada", "chat", "1"), Usage(100, 10), MONDAY),
        (Account("acme", "acme/ada", "chat", "2"), Usage(200, 20), MONDAY),
        (Account("acme", "acme/ben", "embed", "1"), Usage(400, 0), MONDAY + 5),
        (Account("globex", "globex/bob", "chat", "1"), Usage(800, 80), MONDAY + 20),
    ):
        reservation = await ledger.reserve(account, (Charge(LIMIT, 1000),), MONDAY)
        await ledger.settle(reservation, usage, time)
    yield path
    await ledger.close()


def test_groups_by_tenant(path: Path) -> None:
    rows = report(path, by=("tenant",))

    assert [
        (row.group, row.requests, row.prompt_tokens, row.completion_tokens) for row in rows
    ] == [
        ({"tenant": "acme"}, 3, 700, 30),
        ({"tenant": "globex"}, 1, 800, 80),
    ]


def test_groups_by_several_columns(path: Path) -> None:
    rows = report(path, by=("day", "model"))

    assert [(*row.group.values(), row.requests) for row in rows] == [
        ("2026-09-21", "chat", 2),
        ("2026-09-21", "embed", 1),
        ("2026-09-22", "chat", 1),
    ]


@pytest.mark.parametrize(
    ("selection", "requests"),
    [
        (Selection(), 4),
        (Selection(since="2026-09-22"), 1),
        (Selection(until="2026-09-21"), 3),
        (Selection(tenant="acme"), 3),
        (Selection(principal="acme/ada", model="chat"), 2),
        (Selection(tenant="nobody"), 0),
    ],
)
def test_selects(path: Path, selection: Selection, requests: int) -> None:
    assert sum(row.requests for row in report(path, by=("day",), selection=selection)) == requests


def test_prices_what_was_used(path: Path) -> None:
    prices = {"chat": Price(prompt=150_000, completion=600_000)}

    costs = {row.group["model"]: row.cost for row in report(path, by=("model",), prices=prices)}

    assert costs == {"chat": (1100 * 150_000 + 110 * 600_000) // 1_000_000, "embed": 0}


def test_without_a_ledger_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="nothing has been recorded"):
        report(tmp_path / "ledger.db", by=("tenant",))

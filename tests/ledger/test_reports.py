"""The usage report: exact at any moment, by any columns, at the cost of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.errors import InvalidRequest, StackError
from extauth.ledger import Demand, EmbeddedLedger
from extauth.ledger.reports import Selection, report
from extauth.ledger.store import report_lines
from extauth.types import Account, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from extauth.ledger.reports import UsageRow

MONDAY = 1_790_035_200.0 - 10  # 2026-09-21T23:59:50Z
WORST = Demand((), Usage(900, 100), Usage(900, 1), Usage(900))


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    """The file of a running ledger: three requests on Monday, one on Tuesday."""
    path = tmp_path / "ledger.db"
    ledger = EmbeddedLedger(path, lambda: MONDAY)
    await ledger.start()
    for account, usage, time in (
        (Account("acme", "acme/ada", "chat", "1"), Usage(100, 10, 7, 1500), MONDAY),
        (Account("acme", "acme/ada", "chat", "2", "research"), Usage(200, 20, 9, 250), MONDAY),
        (Account("acme", "acme/ben", "embed", "1"), Usage(400, 0), MONDAY + 5),
        (Account("globex", "globex/bob", "chat", "1", "research"), Usage(800, 80, 30), MONDAY + 20),
    ):
        reservation = await ledger.reserve(account, WORST, MONDAY)
        await ledger.settle(reservation, usage, time)
    yield path
    await ledger.close()


def rows(path: Path, *by: str, selection: Selection | None = None) -> Sequence[UsageRow]:
    return report(report_lines(path), by=by, selection=selection)


def test_groups_by_tenant(path: Path) -> None:
    assert [
        (row.group, row.requests, row.prompt_tokens, row.completion_tokens, row.cost)
        for row in rows(path, "tenant")
    ] == [
        ({"tenant": "acme"}, 3, 700, 30, 16),
        ({"tenant": "globex"}, 1, 800, 80, 30),
    ]


def test_groups_by_several_columns(path: Path) -> None:
    assert [(*row.group.values(), row.requests) for row in rows(path, "day", "model")] == [
        ("2026-09-21", "chat", 2),
        ("2026-09-21", "embed", 1),
        ("2026-09-22", "chat", 1),
    ]


def test_a_team_is_a_tenants(path: Path) -> None:
    assert [(*row.group.values(), row.cost) for row in rows(path, "tenant", "team")] == [
        ("acme", "", 7),
        ("acme", "research", 9),
        ("globex", "research", 30),
    ]


def test_computing_is_told_in_seconds(path: Path) -> None:
    assert [row.compute_seconds for row in rows(path, "principal")] == [1.75, 0.0, 0.0]


@pytest.mark.parametrize(
    ("selection", "requests"),
    [
        (Selection(), 4),
        (Selection(since="2026-09-22"), 1),
        (Selection(until="2026-09-21"), 3),
        (Selection(tenant="acme"), 3),
        (Selection(team="research"), 2),
        (Selection(tenant="acme", team="research"), 1),
        (Selection(principal="acme/ada", model="chat"), 2),
        (Selection(tenant="nobody"), 0),
    ],
)
def test_selects(path: Path, selection: Selection, requests: int) -> None:
    assert sum(row.requests for row in rows(path, "day", selection=selection)) == requests


async def test_a_principals_lines_are_found_wherever_they_are(tmp_path: Path) -> None:
    """In the file's sums, and in the journal that was not added up yet."""
    path, ada = tmp_path / "ledger.db", Account("acme", "acme/ada", "chat", "1")
    for day, count in ((0, 2), (86_400, 3)):
        ledger = EmbeddedLedger(path, lambda: MONDAY)
        await ledger.start()
        for account in (ada, Account("acme", "acme/ada2", "chat", "1")):
            for _ in range(count):
                reservation = await ledger.reserve(account, WORST, MONDAY + day)
                await ledger.settle(reservation, Usage(10), MONDAY + day)
        found = report_lines(path, principal="acme/ada", since="2026-09-22")
        assert {line.account for line, _ in found} <= {ada}
        assert sum(used.requests for _, used in found) == (count if day else 0)
        await ledger.close()
    both = report(report_lines(path, principal="acme/ada"), by=("day",))
    assert [row.requests for row in both] == [2, 3]


@pytest.mark.parametrize("by", [("tenant", "tenant"), ("tenant", "colour")])
def test_a_column_that_makes_no_sense_is_refused(path: Path, by: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match=r"usage (can't be|is) grouped by"):
        rows(path, *by)


def test_without_a_ledger_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="nothing has been recorded"):
        rows(tmp_path / "ledger.db", "tenant")

"""Whoever is not known costs the log a row or two a minute, and none of them goes uncounted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from extauth.audit import AuditWriter, Outcome, Strangers
from extauth.audit import strangers as module
from extauth.audit.record import AuditRecord
from extauth.audit.sqlite import SqliteLog
from extauth.audit.store import AuditStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from extauth.audit import AuditLog

NOON = 1_790_000_040.0 // 60 * 60
STRANGER = AuditRecord(
    "r0", NOON, "digest", "wasm", "192.0.2.7", Outcome.DENIED, 401, error="invalid_api_key"
)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[AuditLog]:
    made = SqliteLog(tmp_path / "audit.db", synchronous="NORMAL")
    yield made
    made.close()


@pytest.fixture
async def strangers(log: AuditLog) -> AsyncIterator[Strangers]:
    writer = AuditWriter(log, retention=1e9, clock=lambda: NOON)
    await writer.start()
    made = Strangers(writer)
    yield made
    await writer.close()


async def knock(strangers: Strangers, number: int, **fields: object) -> None:
    await strangers.record(replace(STRANGER, request_id=f"r{number}", **fields))


async def told(strangers: Strangers, log: AuditLog) -> list[tuple[str, str, int]]:
    await strangers.close()
    await strangers._audit.flush()
    return [(one.request_id, one.source, one.more) for one in AuditStore(log).last(9999)]


async def test_the_first_and_the_last_of_a_minute_have_a_record(
    strangers: Strangers, log: AuditLog
) -> None:
    for number in range(50):
        await knock(strangers, number, time=NOON + number)
    assert await told(strangers, log) == [("r0", "192.0.2.7", 0), ("r49", "192.0.2.7", 48)]


async def test_who_comes_once_has_one_record(strangers: Strangers, log: AuditLog) -> None:
    await knock(strangers, 1)
    assert await told(strangers, log) == [("r1", "192.0.2.7", 0)]


async def test_sources_errors_and_minutes_are_told_apart(
    strangers: Strangers, log: AuditLog
) -> None:
    await knock(strangers, 1)
    await knock(strangers, 2, source="192.0.2.8")
    await knock(strangers, 3, error="expired_api_key")
    await knock(strangers, 4)
    await knock(strangers, 5, time=NOON + 60)
    assert sorted(await told(strangers, log)) == [
        ("r1", "192.0.2.7", 0),
        ("r2", "192.0.2.8", 0),
        ("r3", "192.0.2.7", 0),
        ("r4", "192.0.2.7", 0),
        ("r5", "192.0.2.7", 0),
    ]


async def test_any_number_of_sources_is_bounded_and_counted(
    strangers: Strangers, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    for number in range(100):
        await knock(strangers, number, source=f"192.0.2.{number}")
    assert await told(strangers, log) == [
        ("r0", "192.0.2.0", 0),
        ("r1", "192.0.2.1", 0),
        ("r2", "192.0.2.2", 0),
        ("r99", "*", 96),
    ]


async def test_the_count_is_written_although_nobody_comes_any_more(
    strangers: Strangers, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MINUTE", 0.01)
    for number in range(3):
        await knock(strangers, number)
    assert strangers._timer is not None
    while strangers._last or strangers._flushing:
        await strangers._audit.flush()
    assert [one.more for one in AuditStore(log).last(9)] == [0, 1]

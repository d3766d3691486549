"""Writing the audit log and reading it back."""

from __future__ import annotations

import asyncio
import stat
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.audit import AuditRecord, AuditWriter
from extauth.audit.retention import PURGE_ROWS
from extauth.audit.sqlite import SqliteLog
from extauth.audit.store import AuditStore, write_lines
from extauth.audit.writer import MAX_WAITING
from extauth.errors import StackError

from .contract import DAY, NOW, write

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.audit import AuditLog

    from .conftest import Made
    from .contract import Kept

pytestmark = pytest.mark.slow


def clock() -> float:
    return NOW


async def test_a_normal_stop_loses_nothing(log: AuditLog, served: Made) -> None:
    records = [served(f"r{number}") for number in range(500)]
    await write(log, records)

    store = AuditStore(log)
    assert store.last(1000) == tuple(records)


async def test_a_record_is_found_by_its_request(
    log: AuditLog, served: Made, stranger: AuditRecord
) -> None:
    await write(log, [served("one"), stranger, served("two")])

    store = AuditStore(log)
    assert store.show("two") == (served("two"),)
    assert store.show("stranger") == (stranger,)
    assert store.show("three") == ()


async def test_the_last_records_come_in_their_order(log: AuditLog, served: Made) -> None:
    await write(log, [served(name) for name in "abcd"])

    store = AuditStore(log)
    assert [record.request_id for record in store.last(2)] == ["c", "d"]


async def test_following_shows_what_comes_later(kept: Kept, log: AuditLog, served: Made) -> None:
    await write(log, [served(name) for name in "ab"])
    writer = AuditWriter(log, retention=DAY, clock=clock)
    await writer.start()
    await writer.record(served("c"))

    def pause() -> None:
        """While the reader waits, another process writes."""
        with kept.log().writing() as session:
            content = msgspec.json.encode(served("d"))
            session.insert(
                "records",
                ("number", "request_id", "time", "outcome", "record"),
                [(4, "d", 0.0, "x", content)],
            )

    await writer.close()
    store = AuditStore(log)
    seen = [record.request_id for record in islice(store.follow(2, pause), 3)]

    assert seen == ["b", "c", "d"]


async def test_following_may_begin_with_nothing(log: AuditLog, served: Made) -> None:
    await write(log, [served("a")])

    class Enough(Exception):
        pass

    def pause() -> None:
        raise Enough

    with pytest.raises(Enough):
        next(AuditStore(log).follow(0, pause))


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        ({}, ["old", "acme", "globex"]),
        ({"since": NOW - 10}, ["acme", "globex"]),
        ({"until": NOW}, ["old"]),
        ({"tenant": "globex"}, ["globex"]),
    ],
)
async def test_exports_lines_of_json(
    log: AuditLog, served: Made, selection: dict[str, object], found: list[str]
) -> None:
    await write(
        log,
        [served("acme"), served("old", time=NOW - 100), served("globex", tenant="globex")],
    )

    store = AuditStore(log)
    lines = list(store.export(**selection))

    assert [msgspec.json.decode(line, type=AuditRecord).request_id for line in lines] == found


async def test_an_exported_file_is_private(log: AuditLog, tmp_path: Path, served: Made) -> None:
    await write(log, [served("a"), served("b")])
    target = tmp_path / "export.jsonl"
    target.touch(0o644)

    store = AuditStore(log)
    assert write_lines(target, store.export()) == 2

    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert len(target.read_bytes().splitlines()) == 2


async def test_what_is_too_old_is_deleted(log: AuditLog, served: Made) -> None:
    too_many = PURGE_ROWS + 5
    await write(log, [served(f"old{n}") for n in range(too_many)] + [served("new", time=NOW + DAY)])

    for _ in range(2):  # some at each start, and each minute
        await write(log, [], clock=lambda: NOW + 30 * DAY + 1)

    store = AuditStore(log)
    assert [record.request_id for record in store.last(too_many)] == ["new"]


async def test_files_are_private(tmp_path: Path, served: Made) -> None:
    path = tmp_path / "state/audit.db"
    log = SqliteLog(path)
    await write(log, [served("a")])

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    log.close()


async def test_a_slow_store_makes_requests_wait_and_loses_nothing(
    kept: Kept, log: AuditLog, served: Made
) -> None:
    writer = AuditWriter(log, retention=DAY, clock=clock)
    await writer.start()
    record = served("a")
    with kept.log().writing():
        tasks = [asyncio.create_task(writer.record(record)) for _ in range(3 * MAX_WAITING)]
        await tasks[0]

        assert not all(task.done() for task in tasks)

    await asyncio.gather(*tasks)
    await writer.close()
    assert len(AuditStore(log).show("a")) == len(tasks)


async def test_an_unwritable_log_is_told_at_the_end(
    kept: Kept, log: AuditLog, served: Made
) -> None:
    writer = AuditWriter(log, retention=DAY, clock=clock)
    await writer.start()
    kept.tamper("DROP TABLE records")
    await writer.record(served("a"))

    with pytest.raises(StackError, match="1 audit records are lost"):
        await writer.close()


async def test_after_the_end_nothing_is_recorded(log: AuditLog, served: Made) -> None:
    writer = AuditWriter(log, retention=DAY, clock=clock)
    await writer.start()
    await writer.close()

    with pytest.raises(StackError, match="closed"):
        await writer.record(served("late"))


def test_without_a_log_there_is_nothing_to_read(log: AuditLog) -> None:
    with pytest.raises(StackError, match="nothing has been recorded"):
        AuditStore(log).last(1)
    assert not log.exists()

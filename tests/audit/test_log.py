"""Writing the audit log and reading it back."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.audit import AuditRecord, AuditWriter
from extauth.audit.retention import PURGE_ROWS
from extauth.audit.store import AuditStore, opened, write_lines
from extauth.audit.writer import MAX_WAITING
from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from .conftest import Made

NOW = 1_790_000_000.0
DAY = 86_400.0


def clock() -> float:
    return NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.db"


async def write(
    path: Path, records: Iterable[AuditRecord], clock: Callable[[], float] = clock
) -> None:
    """A gateway that handles some requests and stops."""
    writer = AuditWriter(path, retention=30 * DAY, clock=clock)
    await writer.start()
    for record in records:
        await writer.record(record)
    await writer.close()


async def test_a_normal_stop_loses_nothing(path: Path, served: Made) -> None:
    records = [served(f"r{number}") for number in range(500)]
    await write(path, records)

    with opened(path) as store:
        assert store.last(1000) == tuple(records)


async def test_a_record_is_found_by_its_request(
    path: Path, served: Made, stranger: AuditRecord
) -> None:
    await write(path, [served("one"), stranger, served("two")])

    with opened(path) as store:
        assert store.show("two") == (served("two"),)
        assert store.show("stranger") == (stranger,)
        assert store.show("three") == ()


async def test_the_last_records_come_in_their_order(path: Path, served: Made) -> None:
    await write(path, [served(name) for name in "abcd"])

    with opened(path) as store:
        assert [record.request_id for record in store.last(2)] == ["c", "d"]


async def test_following_shows_what_comes_later(path: Path, served: Made) -> None:
    await write(path, [served(name) for name in "ab"])
    writer = AuditWriter(path, retention=DAY, clock=clock)
    await writer.start()
    await writer.record(served("c"))

    def pause() -> None:
        """While the reader waits, another process writes."""
        with sqlite3.connect(path) as other:
            other.execute(
                "INSERT INTO records (request_id, time, outcome, record) VALUES ('d', 0, 'x', ?)",
                (msgspec.json.encode(served("d")),),
            )
        other.close()

    await writer.close()
    with opened(path) as store:
        seen = [record.request_id for record in islice(store.follow(2, pause), 4)]

    assert seen == ["b", "c", "d", "d"]


async def test_following_may_begin_with_nothing(path: Path, served: Made) -> None:
    await write(path, [served("a")])

    class Enough(Exception):
        pass

    def pause() -> None:
        raise Enough

    with opened(path) as store, pytest.raises(Enough):
        next(store.follow(0, pause))


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
    path: Path, served: Made, selection: dict[str, object], found: list[str]
) -> None:
    await write(
        path,
        [served("acme"), served("old", time=NOW - 100), served("globex", tenant="globex")],
    )

    with opened(path) as store:
        lines = list(store.export(**selection))

    assert [msgspec.json.decode(line, type=AuditRecord).request_id for line in lines] == found


async def test_an_exported_file_is_private(path: Path, tmp_path: Path, served: Made) -> None:
    await write(path, [served("a"), served("b")])
    target = tmp_path / "export.jsonl"
    target.touch(0o644)

    with opened(path) as store:
        assert write_lines(target, store.export()) == 2

    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert len(target.read_bytes().splitlines()) == 2


async def test_what_is_too_old_is_deleted(path: Path, served: Made) -> None:
    too_many = PURGE_ROWS + 5
    await write(
        path, [served(f"old{n}") for n in range(too_many)] + [served("new", time=NOW + DAY)]
    )

    for _ in range(2):  # some at each start, and each minute
        await write(path, [], clock=lambda: NOW + 30 * DAY + 1)

    with opened(path) as store:
        assert [record.request_id for record in store.last(too_many)] == ["new"]


async def test_files_are_private(path: Path, served: Made) -> None:
    await write(path, [served("a")])

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


async def test_a_slow_disk_makes_requests_wait_and_loses_nothing(path: Path, served: Made) -> None:
    writer = AuditWriter(path, retention=DAY, clock=clock)
    await writer.start()
    slow = sqlite3.connect(path, isolation_level=None)
    slow.execute("BEGIN IMMEDIATE")
    record = served("a")
    tasks = [asyncio.create_task(writer.record(record)) for _ in range(3 * MAX_WAITING)]
    await tasks[0]

    assert not all(task.done() for task in tasks)

    slow.execute("COMMIT")
    slow.close()
    await asyncio.gather(*tasks)
    await writer.close()
    with opened(path) as store:
        assert len(store.show("a")) == len(tasks)


async def test_an_unwritable_log_is_told_at_the_end(path: Path, served: Made) -> None:
    writer = AuditWriter(path, retention=DAY, clock=clock)
    await writer.start()
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE records")
    other.close()
    await writer.record(served("a"))

    with pytest.raises(StackError, match="1 audit records are lost"):
        await writer.close()


async def test_after_the_end_nothing_is_recorded(path: Path, served: Made) -> None:
    writer = AuditWriter(path, retention=DAY, clock=clock)
    await writer.start()
    await writer.close()

    with pytest.raises(StackError, match="closed"):
        await writer.record(served("late"))


def test_without_a_log_there_is_nothing_to_read(path: Path) -> None:
    with pytest.raises(StackError, match="nothing has been recorded"):
        AuditStore(path)

"""Several processes write one audit log, and none of them loses a record."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from extauth.audit.sqlite import SqliteLog
from extauth.audit.store import AuditStore
from extauth.audit.verification import verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.slow

WRITERS, RECORDS = 4, 300

WRITER = """
import asyncio, sys
from pathlib import Path
from extauth.audit import AuditRecord, AuditWriter, Outcome
from extauth.audit.sqlite import SqliteLog

async def write(path, name, records, time):
    writer = AuditWriter(SqliteLog(path), retention=1000.0, clock=lambda: time)
    await writer.start()
    for number in range(records):
        await writer.record(
            AuditRecord(
                request_id=f"{name}-{number}",
                time=time,
                snapshot="abc",
                engine="wasm",
                source="127.0.0.1",
                outcome=Outcome.SERVED,
                status=200,
            )
        )
        if number % 10 == 0:
            await asyncio.sleep(0.01)
    await writer.close()

asyncio.run(write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
"""


def write(path: Path, time: float, names: Sequence[str], records: int = RECORDS) -> None:
    """Processes that write at once, and are done."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), name, str(records), str(time)],
        )
        for name in names
    ]
    assert [writer.wait(60) for writer in writers] == [0] * len(names)


def test_every_record_is_there_once_and_what_is_too_old_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    write(path, 500.0, [f"old{one}" for one in range(WRITERS)])
    assert verify(SqliteLog(path)).records == WRITERS * RECORDS
    write(path, 2000.0, [f"new{one}" for one in range(WRITERS)])
    # The next starts delete what nobody found too old while it was written.
    write(path, 2000.0, ["last"], 1)
    write(path, 2000.0, ["last"], 1)
    records = AuditStore(SqliteLog(path)).last(2 * WRITERS * RECORDS)
    found = [record.request_id for record in records]
    kept = [f"new{one}-{n}" for one in range(WRITERS) for n in range(RECORDS)]
    assert sorted(found) == sorted([*kept, "last-0", "last-0"])
    assert verify(SqliteLog(path)).valid

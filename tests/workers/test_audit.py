"""Several processes write one audit log, and none of them loses a record."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from extauth.audit.store import opened

if TYPE_CHECKING:
    from pathlib import Path

WRITERS, RECORDS = 4, 300

WRITER = """
import asyncio, sys
from pathlib import Path
from extauth.audit import AuditRecord, AuditWriter, Outcome

async def write(path, name, records):
    writer = AuditWriter(path, retention=1000.0, clock=lambda: 2000.0)
    await writer.start()
    for number in range(records):
        outdated = number % 3 == 0
        await writer.record(
            AuditRecord(
                request_id=f"{name}-{number}",
                time=500.0 if outdated else 1500.0,
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

asyncio.run(write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
"""


def test_every_record_is_there_once_and_what_is_too_old_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(one), str(RECORDS)])
        for one in range(WRITERS)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * WRITERS
    # The next start deletes what nobody found too old while it was written.
    subprocess.run([sys.executable, "-c", WRITER, str(path), "last", "1"], check=True)
    with opened(path) as log:
        found = [record.request_id for record in log.last(WRITERS * RECORDS)]
    assert len(found) == len(set(found))
    kept = {f"{one}-{n}" for one in range(WRITERS) for n in range(RECORDS) if n % 3}
    assert kept <= set(found)
    assert set(found) - kept <= {"last-0"}

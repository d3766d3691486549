"""The ledger's files belong together: without one of them, nothing begins anew by itself."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError
from extauth.ledger import EmbeddedLedger
from extauth.ledger.store import report_lines
from extauth.types import Usage
from tests.ledger.embedded import (
    KILLED,
    NOW,
    clock,
    left,
    python,
    reserve,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("emptied", [False, True])
@pytest.mark.parametrize("killed", [False, True])
async def test_a_journal_without_its_file_is_refused_and_left_alone(
    path: Path, emptied: bool, killed: bool
) -> None:
    if killed:
        status, _ = await python(KILLED, path)
        assert status == -signal.SIGKILL
    else:
        ledger = EmbeddedLedger(path, clock)
        await ledger.start()
        await ledger.close()
    kept = path.rename(path.with_name("kept"))
    if emptied:
        path.touch()
    journal = path.with_suffix(".journal")
    before = {file.name: file.read_bytes() for file in journal.iterdir()}

    with pytest.raises(StackError) as refused:
        await EmbeddedLedger(path, clock).start()
    with pytest.raises(StackError, match="put the file back"):
        report_lines(path)

    told = refused.value.message
    assert told.startswith(
        f"{path} is {'empty' if emptied else 'missing'}, and {journal} still has"
    )
    assert f"move {journal} away" in told
    assert {file.name: file.read_bytes() for file in journal.iterdir()} == before
    kept.rename(path)
    again = EmbeddedLedger(path, clock)
    await again.start()
    await again.close()


async def test_a_ledger_begins_anew_once_the_journal_is_moved_away(path: Path) -> None:
    ledger = EmbeddedLedger(path, clock)
    await ledger.start()
    await ledger.settle(await reserve(ledger, 500), Usage(100, 50), NOW)
    await ledger.close()
    path.unlink()
    path.with_suffix(".journal").rename(path.with_name("old"))

    anew = EmbeddedLedger(path, clock)
    await anew.start()

    assert await left(anew) == [100, 1000]
    await anew.close()

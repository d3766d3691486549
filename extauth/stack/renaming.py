"""The renaming of keys in the ledger of a state directory, whether its stack runs or not."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from extauth.ledger.ledger import Moved
from extauth.stack.process.admin import AdminClient
from extauth.stack.process.record import StackRecord
from extauth.stores import open_stores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extauth.storage.state import StateDir

WITHIN_SECONDS = 120.0
_AT_ONCE = 4


def renaming(state: StateDir) -> Callable[[Mapping[str, str]], Moved]:
    """Return a function that renames: by the service if a stack runs, else in this process.

    The function raises StackError when the ledger can't be changed.
    """

    def rename(names: Mapping[str, str]) -> Moved:
        if StackRecord.running(state) is not None:
            return _order(state, names)
        if not state.active.exists() and not state.ledger_db.exists():
            return Moved(0)
        return asyncio.run(_rename(state, names))

    return rename


def _order(state: StateDir, names: Mapping[str, str]) -> Moved:
    """Rename a few at a time: the service takes small orders only."""
    client = AdminClient.of(state)
    pairs = list(names.items())
    rows = left = 0
    for begin in range(0, len(pairs), _AT_ONCE):
        some = dict(pairs[begin : begin + _AT_ONCE])
        told = client.post("/erasure", {"names": some}, within=WITHIN_SECONDS)
        rows, left = rows + int(told["rows"]), max(left, int(told["left"]))
    return Moved(rows, left)


async def _rename(state: StateDir, names: Mapping[str, str]) -> Moved:
    ledger = open_stores(state).ledger(time.time)
    await ledger.start()
    try:
        return await ledger.rename(names, time.time())
    finally:
        await ledger.close()

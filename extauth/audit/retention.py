"""Deleting what is too old, from the oldest on, so that the chain goes on from an anchor.

The last place that went remains: its link is what the first one that stays is bound to. Actions
stay for good, and get a place further on with the digest that they had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.audit.chain import ACTION, KEPT, RECORD, Entry, append
from extauth.storage.sqlite import transaction

if TYPE_CHECKING:
    import sqlite3

PURGE_ROWS = 1000

_ANY = "SELECT EXISTS (SELECT 1 FROM records WHERE time < ?)"
_OLDEST = """
SELECT chain.place, chain.of, chain.number, chain.digest, records.time,
       coalesce(records.place, actions.place) = chain.place
FROM chain
LEFT JOIN records ON chain.of = 'record' AND records.number = chain.number
LEFT JOIN actions ON chain.of = 'action' AND actions.number = chain.number
ORDER BY chain.place LIMIT ?
"""
_DELETE = "DELETE FROM records WHERE number IN (SELECT value FROM json_each(?))"
_CUT = "DELETE FROM chain WHERE place < ?"
_MOVE = "UPDATE actions SET place = ? WHERE number = ?"


def purge(connection: sqlite3.Connection, before: float) -> bool:
    """Delete some of the records that began before a time; whether there may be more.

    One that began later, and was written down earlier, keeps those behind it until it is too old
    itself. Raises sqlite3.Error.
    """
    if not connection.execute(_ANY, (before,)).fetchone()[0]:
        return False
    with transaction(connection):
        rows = connection.execute(_OLDEST, (PURGE_ROWS,)).fetchall()
        anchor, gone, kept = 0, [], []
        for place, of, number, digest, time, current in rows:
            if of == RECORD and current and time >= before:
                break
            anchor = place
            if of == RECORD and current:
                gone.append(number)
            elif of == ACTION and current:
                kept.append(Entry(ACTION, KEPT, number, 0, digest))
        if kept:
            first = append(connection, kept).place - len(kept) + 1
            moved = [(first + at, entry.number) for at, entry in enumerate(kept)]
            connection.executemany(_MOVE, moved)
        connection.execute(_DELETE, (msgspec.json.encode(gone).decode(),))
        connection.execute(_CUT, (anchor,))
    return len(rows) == PURGE_ROWS and anchor == rows[-1][0]

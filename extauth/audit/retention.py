"""Deleting what is too old, from the oldest on, so that the chain goes on from an anchor.

The last place that went remains: its link is what the first one that stays is bound to. Actions
stay for good, and get a place further on with the digest that they had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.audit.chain import ACTION, KEPT, RECORD, ChainEntry, append

if TYPE_CHECKING:
    from extauth.audit.log import AuditLog

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
_DELETE = "DELETE FROM records WHERE number IN ({})"
_CUT = "DELETE FROM chain WHERE place < ?"
_MOVE = "UPDATE actions SET place = ? WHERE number = ?"


def purge(log: AuditLog, before: float) -> bool:
    """Delete some of the records that began before a time; tell whether there may be more.

    One that began later, and was written down earlier, keeps those behind it until it is too old
    itself. Raises StackError.
    """
    with log.reading() as session:
        if not session.rows(_ANY, before)[0][0]:
            return False
    with log.writing() as session:
        rows = session.rows(_OLDEST, PURGE_ROWS)
        anchor, gone, kept = 0, [], []
        for place, of, number, digest, time, current in rows:
            if of == RECORD and current and time >= before:
                break
            anchor = place
            if of == RECORD and current:
                gone.append(number)
            elif of == ACTION and current:
                kept.append(ChainEntry(ACTION, KEPT, number, 0, digest))
        if kept:
            first = append(session, kept).place - len(kept) + 1
            for at, entry in enumerate(kept, first):
                session.run(_MOVE, at, entry.number)
        if gone:
            session.run(_DELETE.format(", ".join("?" * len(gone))), *gone)
        session.run(_CUT, anchor)
    return len(rows) == PURGE_ROWS and anchor == rows[-1][0]

"""Rewriting what an erased person left in the audit log, on the record of the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.audit.chain import ERASED, ChainEntry, append, digest, salts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extauth.audit.log import AuditLog, Of
    from extauth.storage.database import Session

    Change = Callable[[bytes], bytes | None]
    """What content is to become; None where it stays as it is."""

_AT_ONCE = 500
_SELECT: dict[Of, str] = {
    "record": "SELECT number, record FROM records WHERE number > ? ORDER BY number LIMIT ?",
    "action": "SELECT number, action FROM actions WHERE number > ? ORDER BY number LIMIT ?",
}
_UPDATE: dict[Of, str] = {
    "record": "UPDATE records SET place = ?, salt = ?, record = ?, request_id = ? WHERE number = ?",
    "action": "UPDATE actions SET place = ?, salt = ?, action = ? WHERE number = ?",
}


class _Head(msgspec.Struct):
    request_id: str


def contents(log: AuditLog, of: Of) -> Iterator[bytes]:
    """Yield every record or action as JSON. Raises StackError when the log can't be read."""
    last = 0
    while True:
        with log.reading() as session:
            rows = session.rows(_SELECT[of], last, _AT_ONCE)
        if not rows:
            return
        yield from (content for _, content in rows)
        last = rows[-1][0]


def rewrite(log: AuditLog, of: Of, change: Change, action: int) -> int:
    """Rewrite records or actions; return how many. `action` is the number of the order.

    Each gets another place and another salt; no query finds what it was afterwards, and in SQLite
    no file of the log has it. A gateway may write meanwhile. What a call that fails has not done,
    another one does. Raises StackError.
    """
    last = count = 0
    while True:
        with log.writing() as session:
            rows = session.rows(_SELECT[of], last, _AT_ONCE)
            changed = [
                (number, new) for number, content in rows if (new := change(content)) is not None
            ]
            _put(session, of, changed, action)
        count += len(changed)
        if not rows:
            break
        last = rows[-1][0]
    log.scrub()
    return count


def _put(session: Session, of: Of, changed: list[tuple[int, bytes]], action: int) -> None:
    if not changed:
        return
    made = [salts(1) for _ in changed]
    entries = [
        ChainEntry(of, ERASED, number, action, digest(salt, content))
        for (number, content), salt in zip(changed, made, strict=True)
    ]
    first = append(session, entries).place - len(entries) + 1
    for at, ((number, content), salt) in enumerate(zip(changed, made, strict=True)):
        ids = (msgspec.json.decode(content, type=_Head).request_id,) if of == "record" else ()
        session.run(_UPDATE[of], first + at, salt, content, *ids, number)

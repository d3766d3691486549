"""Rewriting what an erased person left in the audit log, on the record of the chain."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Literal

import msgspec

from extauth.audit.chain import ERASED, Entry, append, digest, salts
from extauth.audit.layout import open_for_reading, open_log
from extauth.errors import StackError
from extauth.storage.sqlite import checkpoint, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Change = Callable[[bytes], bytes | None]
    """What content is to become; None where it stays as it is."""

_AT_ONCE = 500
_SELECT = {
    "record": "SELECT number, record FROM records WHERE number > ? ORDER BY number LIMIT ?",
    "action": "SELECT number, action FROM actions WHERE number > ? ORDER BY number LIMIT ?",
}
_UPDATE = {
    "record": "UPDATE records SET place = ?, salt = ?, record = ?, request_id = ? WHERE number = ?",
    "action": "UPDATE actions SET place = ?, salt = ?, action = ? WHERE number = ?",
}


class _Head(msgspec.Struct):
    request_id: str


def contents(path: Path, of: Literal["record", "action"]) -> Iterator[bytes]:
    """Every record or action as JSON. Raises StackError when the log can't be read."""
    try:
        with closing(open_for_reading(path)) as connection:
            last = 0
            while rows := connection.execute(_SELECT[of], (last, _AT_ONCE)).fetchall():
                yield from (content for _, content in rows)
                last = rows[-1][0]
    except sqlite3.Error as error:
        raise StackError(f"{path}: can't be read: {error}") from None


def rewrite(path: Path, of: Literal["record", "action"], change: Change, action: int) -> int:
    """Rewrite records or actions; how many. `action` is the number of the one that ordered it.

    Each gets another place and another salt; what it was is in no file of the log afterwards. A
    gateway may write meanwhile. What a call that fails has not done, another one does. Raises
    StackError.
    """
    try:
        with closing(open_log(path, synchronous="FULL")) as connection:
            last = count = 0
            while True:
                with transaction(connection):
                    rows = connection.execute(_SELECT[of], (last, _AT_ONCE)).fetchall()
                    changed = [
                        (number, new)
                        for number, content in rows
                        if (new := change(content)) is not None
                    ]
                    _put(connection, of, changed, action)
                count += len(changed)
                if not rows:
                    break
                last = rows[-1][0]
            if not checkpoint(connection):
                raise StackError(f"{path}: somebody reads it and does not come to an end")
            return count
    except sqlite3.Error as error:
        raise StackError(f"{path}: can't be written: {error}") from None


def _put(
    connection: sqlite3.Connection,
    of: Literal["record", "action"],
    changed: list[tuple[int, bytes]],
    action: int,
) -> None:
    if not changed:
        return
    made = [salts(1) for _ in changed]
    entries = [
        Entry(of, ERASED, number, action, digest(salt, content))
        for (number, content), salt in zip(changed, made, strict=True)
    ]
    first = append(connection, entries).place - len(entries) + 1
    for at, ((number, content), salt) in enumerate(zip(changed, made, strict=True)):
        ids = (msgspec.json.decode(content, type=_Head).request_id,) if of == "record" else ()
        connection.execute(_UPDATE[of], (first + at, salt, content, *ids, number))

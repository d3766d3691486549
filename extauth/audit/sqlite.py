"""The audit log in a file of the state directory, and how one of an earlier layout becomes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from extauth.audit.chain import ACTION, KEPT, RECORD, SALT, ChainEntry, append, digest, salts
from extauth.audit.log import TableLog
from extauth.storage.sqlite import SqliteDatabase, SqliteSession

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.audit.log import Of
    from extauth.storage.database import Session

VERSION = 2

_CHAIN = """
CREATE TABLE chain (
  place INTEGER PRIMARY KEY,
  of TEXT NOT NULL,
  event TEXT NOT NULL,
  number INTEGER NOT NULL,
  action INTEGER NOT NULL,
  digest BLOB NOT NULL,
  link BLOB NOT NULL
);
INSERT INTO chain VALUES (0, 'chain', 'began', 0, 0, randomblob(32), randomblob(32))
"""
_ACTIONS = """
CREATE TABLE actions (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  place INTEGER NOT NULL DEFAULT 0,
  salt BLOB NOT NULL DEFAULT x'',
  action BLOB NOT NULL
)
"""
_RECORDS = """
CREATE TABLE records (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT NOT NULL,
  time REAL NOT NULL,
  tenant TEXT,
  outcome TEXT NOT NULL,
  place INTEGER NOT NULL DEFAULT 0,
  salt BLOB NOT NULL DEFAULT x'',
  record BLOB NOT NULL
);
CREATE INDEX records_request ON records (request_id);
CREATE INDEX records_time ON records (time)
"""
_SCHEMA = ";".join((_RECORDS, _ACTIONS, _CHAIN))
_AT_ONCE = 1000
_NEWEST = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0)"


class SqliteLog(TableLog):
    """`AuditLog` in one SQLite file, which lets one process write at a time."""

    blob = "BLOB"

    def __init__(self, path: Path, *, synchronous: Literal["NORMAL", "FULL"] = "FULL") -> None:
        """With `NORMAL` what was written survives the process, with `FULL` a loss of power too."""
        self._path = path
        super().__init__(
            SqliteDatabase(
                path, _SCHEMA, synchronous=synchronous, version=VERSION, upgrade=_upgrade
            )
        )

    def identity(self) -> tuple[str | int, ...]:
        """See AuditLog."""
        return ("log", str(self._path.resolve()), self._path.stat().st_ino)

    def number(self, session: Session, of: Of, count: int) -> int:
        """See AuditLog. SQLite counts on by itself when they are used."""
        del count
        ((newest,),) = session.rows(_NEWEST, f"{of}s")
        return int(newest) + 1


def _upgrade(connection: sqlite3.Connection) -> None:
    """From layout 1, in the caller's transaction: no chain, and actions only where there were.

    Its records are chained as they are found: the chain vouches for them from then on.
    """
    run = connection.execute
    tables = {name for (name,) in run("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in {"records", "actions"} & tables:
        run(f"ALTER TABLE {table} ADD COLUMN place INTEGER NOT NULL DEFAULT 0")
        run(f"ALTER TABLE {table} ADD COLUMN salt BLOB NOT NULL DEFAULT x''")
    for schema in (_CHAIN, *(() if "actions" in tables else (_ACTIONS,))):
        for statement in schema.split(";"):
            run(statement)
    _chain_all(connection, ACTION, "SELECT number, action FROM actions")
    _chain_all(connection, RECORD, "SELECT number, record FROM records")


def _chain_all(connection: sqlite3.Connection, of: str, select: str) -> None:
    for rows in _pieces(connection, select):
        made = salts(len(rows))
        cut = [made[at : at + SALT] for at in range(0, len(made), SALT)]
        entries = [
            ChainEntry(of, KEPT, number, 0, digest(salt, content))
            for (number, content), salt in zip(rows, cut, strict=True)
        ]
        place = append(SqliteSession(connection), entries).place - len(entries) + 1
        # The table is one of this file's own two.
        connection.executemany(
            f"UPDATE {of}s SET place = ?, salt = ? WHERE number = ?",  # noqa: S608
            [
                (place + at, salt, number)
                for at, ((number, _), salt) in enumerate(zip(rows, cut, strict=True))
            ],
        )


def _pieces(connection: sqlite3.Connection, select: str) -> Iterator[list[tuple[int, bytes]]]:
    last = 0
    while rows := connection.execute(
        f"{select} WHERE number > ? ORDER BY number LIMIT ?", (last, _AT_ONCE)
    ).fetchall():
        yield rows
        last = rows[-1][0]

"""The audit log's file: its tables, and how a file of an earlier layout becomes one of this."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Literal

from extauth.audit.chain import ACTION, KEPT, RECORD, SALT, Entry, append, digest, salts
from extauth.storage.sqlite import connect, connect_read_only

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def open_log(path: Path, *, synchronous: Literal["NORMAL", "FULL"]) -> sqlite3.Connection:
    """The log for writing, made when there is none; one of the earlier layout is brought up.

    Its records are chained as they are found: the chain vouches for them from then on. Raises
    StackError.
    """
    return connect(path, _SCHEMA, synchronous=synchronous, version=VERSION, upgrade=_upgrade)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """The log for reading, also while a gateway writes. Raises StackError."""
    return connect_read_only(path, version=VERSION)


def _upgrade(connection: sqlite3.Connection) -> None:
    """From layout 1, in the caller's transaction: no chain, and actions only where there were."""
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
            Entry(of, KEPT, number, 0, digest(salt, content))
            for (number, content), salt in zip(rows, cut, strict=True)
        ]
        place = append(connection, entries).place - len(entries) + 1
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

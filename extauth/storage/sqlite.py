"""SQLite as every embedded store opens it: WAL, private files, one schema version.

Connections are in autocommit mode and may move between threads; the caller makes sure that one
thread at a time uses one. Imports nothing but errors.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Upgrade = Callable[[sqlite3.Connection], None]

SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0
UPGRADE_SECONDS = 300.0
"""Seconds that a process waits for another one that upgrades the file."""


def connect(
    path: Path,
    schema: str,
    *,
    synchronous: Literal["NORMAL", "FULL"],
    version: int = SCHEMA_VERSION,
    upgrade: Upgrade | None = None,
) -> sqlite3.Connection:
    """Open the database at `path` for writing, made with `schema` when it is new.

    `upgrade` brings the version before up to this one, in the transaction that it is called in.

    The file is created with mode 0600 and its directory with 0700; SQLite gives its side files
    the mode of the database. With `NORMAL` a commit survives the death of the process, with
    `FULL` a loss of power too. Raises StackError when it can't be opened or is another version's.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only a new file: closing any descriptor of a file drops all the locks that this process
        # holds on it (fcntl(2)), and another process would then clear the WAL from under us.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StackError(f"{path}: can't be opened: {error.strerror}") from None
    connection = _open(path, "rw")
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        # What is deleted, a person's data say, is overwritten.
        connection.execute("PRAGMA secure_delete = ON")
        _wait(connection, BUSY_SECONDS if upgrade is None else UPGRADE_SECONDS)
        with transaction(connection):
            found = _version(connection)
            if found == 0:
                for statement in schema.split(";"):
                    connection.execute(statement)
                found = version
            elif found == version - 1 and upgrade is not None:
                upgrade(connection)
                found = version
            connection.execute(f"PRAGMA user_version = {found}")
        _wait(connection, BUSY_SECONDS)
        _check(connection, path, version)
    except sqlite3.Error as error:
        connection.close()
        raise StackError(f"{path}: can't be opened: {error}") from None
    return connection


def connect_read_only(path: Path, *, version: int = SCHEMA_VERSION) -> sqlite3.Connection:
    """Open an existing database for reading, also while another process writes to it.

    Raises StackError when there is none yet, it can't be read, or it is another version's.
    """
    if not path.exists():
        raise StackError(f"{path}: nothing has been recorded in this state directory yet")
    connection = _open(path, "ro")
    try:
        _check(connection, path, version)
    except sqlite3.Error as error:
        connection.close()
        raise StackError(f"{path}: can't be read: {error}") from None
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a write transaction: committed at the end of the block, rolled back when it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk or an I/O error may have rolled it back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def checkpoint(connection: sqlite3.Connection) -> bool:
    """Move what was written into the database itself and empty the WAL; whether it is done.

    What was deleted is then in no file any more. It waits for readers and writers a while.
    """
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _wait(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")


def _open(path: Path, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_SECONDS,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise StackError(f"{path}: can't be opened: {error}") from None


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _check(connection: sqlite3.Connection, path: Path, version: int) -> None:
    found = _version(connection)
    if found != version:
        connection.close()
        raise StackError(f"{path}: written by another version of sluice (schema {found})")

"""SQLite as every embedded store opens it: WAL, private files, one schema version.

Connections are in autocommit mode and may move between threads; the caller makes sure that one
thread at a time uses one. `SqliteDatabase` does so for its callers.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from contextlib import contextmanager
from functools import lru_cache
from itertools import accumulate, compress, count
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import msgspec

from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from extauth.storage.database import ColumnValue

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


class SqliteSession:
    """See Session."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, *values: ColumnValue) -> list[tuple[Any, ...]]:
        """See Session."""
        return self._connection.execute(sql, values).fetchall()

    def run(self, sql: str, *values: ColumnValue) -> int:
        """See Session."""
        return self._connection.execute(sql, values).rowcount

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[ColumnValue]]
    ) -> None:
        """See Session: one statement, since each lets the event loop run and waits for it after.

        What is bytes is passed as it is, one behind the other, and cut by SQLite; the rest is JSON.
        A column has bytes in every row or in none.
        """
        if not rows:
            return
        blobs = tuple([isinstance(value, bytes) for value in rows[0]])
        by_column: list[Sequence[Any]] = list(zip(*rows, strict=True))
        pieces: list[bytes] = []
        # SQLite counts bytes from 1.
        begin = 1
        for place in compress(count(), blobs):
            made = by_column[place]
            pieces += made
            sizes = list(map(len, made))
            by_column[place] = list(zip(accumulate(sizes, initial=begin), sizes, strict=False))
            begin += sum(sizes)
        self._connection.execute(
            _insertion(table, tuple(columns), blobs),
            {
                "rows": msgspec.json.encode(list(zip(*by_column, strict=True))).decode(),
                # A piece of nothing would be NULL.
                "bytes": b"".join(pieces) or b"\0",
            },
        )


class SqliteDatabase:
    """`Database` in one file. Its connections are opened when they are first needed."""

    def __init__(
        self,
        path: Path,
        schema: str,
        *,
        synchronous: Literal["NORMAL", "FULL"] = "FULL",
        version: int = SCHEMA_VERSION,
        upgrade: Upgrade | None = None,
    ) -> None:
        """See `connect`. Opens nothing yet."""
        self.name = str(path)
        self.path = path
        self._schema = schema
        self._synchronous: Literal["NORMAL", "FULL"] = synchronous
        self._version = version
        self._upgrade = upgrade
        # Reading goes on while a thread waits for its turn to write.
        self._writing, self._reading = threading.RLock(), threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    def open(self) -> None:
        """See Database."""
        with self._writing:
            if self._writer is None:
                self._writer = connect(
                    self.path,
                    self._schema,
                    synchronous=self._synchronous,
                    version=self._version,
                    upgrade=self._upgrade,
                )

    def exists(self) -> bool:
        """See Database."""
        return self.path.exists()

    @contextmanager
    def reading(self) -> Iterator[SqliteSession]:
        """See Database. Raises StackError where there is no file yet."""
        with self._reading, self._told("read"):
            if self._reader is None:
                self._reader = connect_read_only(self.path, version=self._version)
            yield SqliteSession(self._reader)

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSession]:
        """See Database."""
        with self.reading() as session:
            session.run("BEGIN")
            try:
                yield session
            finally:
                session.run("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[SqliteSession]:
        """See Database. Makes the file where there is none."""
        with self._writing, self._told("written"):
            self.open()
            assert self._writer is not None  # noqa: S101 - `open` raises or opens
            with transaction(self._writer):
                yield SqliteSession(self._writer)

    def scrub(self) -> None:
        """See Database. What was deleted is overwritten already, but in the WAL."""
        with self._writing, self._told("written"):
            self.open()
            if self._writer is not None and not checkpoint(self._writer):
                raise StackError(f"{self.name}: somebody reads it and does not come to an end")

    def close(self) -> None:
        """See Database."""
        with self._writing, self._reading:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = None

    @contextmanager
    def _told(self, done: Literal["read", "written"]) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StackError(f"{self.name}: can't be {done}: {error}") from None


@lru_cache
def _insertion(table: str, columns: tuple[str, ...], blobs: tuple[bool, ...]) -> str:
    values = [
        f"substr(:bytes, json_extract(value, '$[{at}][0]'), json_extract(value, '$[{at}][1]'))"
        if blob
        else f"json_extract(value, '$[{at}]')"
        for at, blob in enumerate(blobs)
    ]
    # Names of tables and columns are the stores' own.
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608
        f"SELECT {', '.join(values)} FROM json_each(:rows)"
    )

"""PostgreSQL as the shared stores open it: a pool, bounded waits, numbered migrations.

`psycopg` and its errors stay here. A call is given up after `PATIENCE` seconds on this side, on a
server that hangs or a network that is cut; the server gives up a statement at the same time, and
a transaction that stands still, so that nobody's locks outlive their process by much.
"""

from __future__ import annotations

import logging
import ssl
import threading
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from extauth.errors import StackError
from extauth.storage.state import read_password

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from psycopg.abc import PQGen

    from extauth.storage.database import ColumnValue

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that one statement may take."""

CONNECTIONS = 4
"""Of one process to one database that are kept: a thread that looks up or writes, and operators."""

OLDEST = 130_000
"""The version of PostgreSQL, as the server counts it."""

_FOR_EVER = 86_400.0
_CONNECT_SECONDS = 5
_POOL_SECONDS = 1.0
_NOBODY_ELSE_MIGRATES = 0x_736C_7569_6365
# It would tell at every attempt what the caller is told.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


class _Connection(psycopg.Connection[TupleRow]):
    """A connection that is closed when the server does not answer in time."""

    patience: float = PATIENCE
    """Seconds that it waits."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.close()
            raise psycopg.OperationalError("it does not answer") from None


class PostgresSession:
    """See Session."""

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._connection = connection

    def rows(self, sql: str, *values: ColumnValue) -> list[tuple[Any, ...]]:
        """See Session."""
        return self._connection.execute(_own(sql), values, binary=True).fetchall()

    def run(self, sql: str, *values: ColumnValue) -> int:
        """See Session."""
        return self._connection.execute(_own(sql), values).rowcount

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[ColumnValue]]
    ) -> None:
        """See Session: by COPY."""
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.SQL(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._connection.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(row)


class PostgresDatabase:
    """`Database` on a server: the tables of one store, in a PostgreSQL schema of its own."""

    def __init__(
        self, url: str, *, password_file: str | None, schema: str, migrations: Path
    ) -> None:
        """`migrations` is a directory of numbered SQL files, `0001_keys.sql` the first.

        Opens nothing yet. Raises StackError for a URL or a password file that can't be used.
        """
        self.name = url
        self._schema = schema
        self._migrations = {
            int(file.name.partition("_")[0]): file for file in sorted(migrations.glob("*.sql"))
        }
        self._newest = max(self._migrations)
        self._parameters = _parameters(url, read_password(password_file, "PostgreSQL"), schema)
        # Whether the version was looked at: 1 for reading, 2 for writing.
        self._checked = 0
        self._checking = threading.Lock()
        self._pool: ConnectionPool[_Connection] | None = None

    def open(self) -> None:
        """See Database. One process at a time; the others find it done."""
        with self._checking, self._told("used"):
            if self._checked < 2:
                with self._connect() as connection:
                    self._bring_up(connection)
                self._checked = 2

    def exists(self) -> bool:
        """See Database."""
        if self._checked:
            return True
        with self._told("used"), self._connect() as connection:
            return self._version(connection) > 0

    @contextmanager
    def reading(self) -> Iterator[PostgresSession]:
        """See Database. Raises StackError where the tables are not there, or of another version."""
        with self._told("read"):
            self._check()
            with self._pooled() as connection:
                yield PostgresSession(connection)

    @contextmanager
    def snapshot(self) -> Iterator[PostgresSession]:
        """See Database."""
        with self.reading() as session:
            session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            # The caller may be as slow as who reads what it writes.
            session.run("SET LOCAL idle_in_transaction_session_timeout = 0")
            try:
                yield session
            finally:
                session.run("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[PostgresSession]:
        """See Database. Makes the tables where there are none."""
        self.open()
        with (
            self._told("written"),
            self._pooled() as connection,
            connection.transaction(),
        ):
            yield PostgresSession(connection)

    def scrub(self) -> None:
        """See Database: vacuums. The server's files and its log keep bytes until it reuses them."""
        with self._told("written"), self._connect() as connection:
            _take_time(connection)
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s", (self._schema,)
            ).fetchall()
            for (table,) in tables:
                name = sql.Identifier(self._schema, table)
                connection.execute(sql.SQL("VACUUM {}").format(name))

    def close(self) -> None:
        """See Database."""
        with self._checking:
            pool, self._pool = self._pool, None
            self._checked = 0
        if pool is not None:
            pool.close()

    @contextmanager
    def _pooled(self) -> Iterator[_Connection]:
        with self._checking:
            if self._pool is None:
                self._pool = ConnectionPool(
                    connection_class=_Connection,
                    kwargs=self._parameters,
                    min_size=0,
                    max_size=CONNECTIONS,
                    timeout=_POOL_SECONDS,
                    # The next caller tries again; a pool that waits longer and longer does not.
                    reconnect_timeout=0,
                    check=ConnectionPool.check_connection,
                    num_workers=1,
                    open=True,
                )
            pool = self._pool
        try:
            connection = pool.getconn()
        except PoolTimeout:
            # The pool does not say why, and tries again only when it is asked again.
            with self._connect() as connection:
                yield connection
            return
        try:
            yield connection
        finally:
            pool.putconn(connection)

    def _connect(self) -> _Connection:
        """A connection outside of the pool, which says why it can't be made."""
        return _Connection.connect(**self._parameters)

    def _check(self) -> None:
        """Raise StackError unless the tables are of this version."""
        with self._checking:
            if self._checked:
                return
            with self._connect() as connection:
                found = self._version(connection)
            if found == 0:
                raise StackError(f"{self.name}: nothing has been recorded in this database yet")
            if found < self._newest:
                raise StackError(
                    f"{self.name}: the schema {self._schema} is of an earlier sluice (version "
                    f"{found}; this one needs {self._newest}): start the gateway, which brings it "
                    "up"
                )
            self._refuse_newer(found)
            self._checked = 1

    def _bring_up(self, connection: _Connection) -> None:
        if connection.info.server_version < OLDEST:
            raise StackError(f"{self.name}: PostgreSQL must be 13 or later")
        ((read_only,),) = connection.execute("SHOW transaction_read_only").fetchall()
        if read_only == "on":
            raise StackError(f"{self.name}: is read-only: name the server that is written to")
        _take_time(connection)
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_NOBODY_ELSE_MIGRATES,))
            found = self._version(connection)
            self._refuse_newer(found)
            if found == self._newest:
                return
            name = sql.Identifier(self._schema)
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
            for number in range(found + 1, self._newest + 1):
                # The file is one of the package's own.
                script = self._migrations[number].read_text("utf-8")
                connection.execute(script)
            connection.execute("CREATE TABLE IF NOT EXISTS version (version INTEGER NOT NULL)")
            connection.execute("DELETE FROM version")
            connection.execute("INSERT INTO version VALUES (%s)", (self._newest,))

    def _refuse_newer(self, found: int) -> None:
        if found > self._newest:
            raise StackError(
                f"{self.name}: the schema {self._schema} is of a later sluice (version {found}; "
                f"this one knows {self._newest}): update this one, or name another database"
            )

    def _version(self, connection: _Connection) -> int:
        """The number of the last migration; 0 where there was none."""
        table = f"{self._schema}.version"
        ((there,),) = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchall()
        if not there:
            return 0
        query = sql.SQL("SELECT version FROM {}").format(sql.Identifier(self._schema, "version"))
        row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def _told(self, done: str) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise StackError(f"{self.name}: can't be {done}: {_reason(error)}") from None


def _take_time(connection: _Connection) -> None:
    """Let statements take as long as they need, where nobody waits for them."""
    connection.patience = _FOR_EVER
    connection.execute("SET statement_timeout = 0")


@lru_cache(maxsize=256)
def _own(text: str) -> LiteralString:
    """The stores' SQL in psycopg's words. It is the stores' own, with values apart."""
    return text.replace("%", "%%").replace("?", "%s")


def _reason(error: psycopg.Error) -> str:
    """Return what went wrong in the server's words, without its details: they quote values."""
    return error.diag.message_primary or " ".join(str(error).split())


def _parameters(url: str, password: str | None, schema: str) -> dict[str, Any]:
    """Return the parameters of a connection. Raises StackError for a URL that is not one."""
    try:
        found = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The message quotes it, and it may hold a password.
        raise StackError("the URL of PostgreSQL can't be read") from None
    if "password" in found:
        raise StackError("the URL of PostgreSQL holds a password: write it to a password_file")
    if "sslmode" not in found and not _near(str(found.get("host", ""))):
        # libpq's own default goes on in plain text where the server wants it.
        found["sslmode"] = "verify-full"
        if "sslrootcert" not in found:
            found["sslrootcert"] = ssl.get_default_verify_paths().cafile or "system"
    return {
        **found,
        "password": password,
        "autocommit": True,
        # They belong to a connection, and some proxies hand those around.
        "prepare_threshold": None,
        "application_name": "sluice",
        "connect_timeout": _CONNECT_SECONDS,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": round(PATIENCE * 1000),
        "options": f"-c statement_timeout={round(PATIENCE)}s"
        f" -c idle_in_transaction_session_timeout={round(PATIENCE)}s -c search_path={schema}",
    }


def _near(host: str) -> bool:
    """Tell whether a host is this machine: a directory of unix sockets, or loopback."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

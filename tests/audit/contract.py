"""Both kinds of audit logs behind one face, so that every promise is tried on both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from extauth.audit import AuditWriter
from extauth.settings import StoreSettings
from extauth.stores import open_audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from extauth.audit import AuditLog, AuditRecord
    from tests.postgres_server import PostgresServer

NOW = 1_790_000_000.0
DAY = 86_400.0

# What tests say to SQLite, in PostgreSQL's words.
_WORDS = """
CREATE FUNCTION sluice_audit.randomblob(size integer) RETURNS bytea LANGUAGE sql AS
  $$ SELECT substring(sha512(convert_to(random()::text, 'UTF8')) FOR size) $$;
CREATE FUNCTION sluice_audit.replace(whole bytea, old text, new text) RETURNS bytea LANGUAGE sql AS
  $$ SELECT convert_to(replace(convert_from(whole, 'UTF8'), old, new), 'UTF8') $$;
"""


class Kept:
    """Where a log is kept: a file, or a database of its own."""

    def __init__(self, path: Path, server: PostgresServer | None = None) -> None:
        self.path = path
        self.store = StoreSettings()
        self._server = server
        self._opened: list[AuditLog] = []
        if server is not None:
            self.store = StoreSettings("postgres", server.database(), str(server.password_file))

    def log(self) -> AuditLog:
        """The log as another process opens it."""
        made = open_audit(self.store, self.path)
        self._opened.append(made)
        return made

    def close(self) -> None:
        for log in self._opened:
            log.close()

    def tamper(self, *statements: str) -> None:
        """What somebody does who may write to it."""
        if self._server is not None and self.store.url is not None:
            with self._server.connect(self.store.url) as connection:
                there = connection.execute("SELECT to_regproc('sluice_audit.randomblob')")
                if there.fetchone() == (None,):
                    connection.execute(_WORDS)
        with self.log().writing() as session:
            for statement in statements:
                session.run(statement)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What it has."""
        with self.log().reading() as session:
            return session.rows(query)


async def write(
    log: AuditLog, records: Iterable[AuditRecord], clock: Callable[[], float] = lambda: NOW
) -> None:
    """A gateway that handles some requests and stops, with 30 days of retention."""
    writer = AuditWriter(log, retention=30 * DAY, clock=clock)
    await writer.start()
    for record in records:
        await writer.record(record)
    await writer.close()

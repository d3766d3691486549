"""The audit log in a PostgreSQL that several gateways share: one chain, whoever writes."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.audit.log import TableLog
from extauth.storage.postgres import PostgresDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.audit.log import Of
    from extauth.storage.database import Session

SCHEMA = "sluice_audit"
MIGRATIONS = Path(__file__).with_name("migrations")


class PostgresLog(TableLog):
    """`AuditLog` on a server.

    Whoever adds to the chain has locked the row of `newest` until it commits: places, numbers and
    commits have one order, and who reads up to a place has missed nothing before it.
    """

    blob = "BYTEA"

    def __init__(self, url: str, *, password_file: str | None) -> None:
        """Opens nothing yet. Raises StackError for a URL or a password file that can't be used."""
        super().__init__(
            PostgresDatabase(url, password_file=password_file, schema=SCHEMA, migrations=MIGRATIONS)
        )

    def identity(self) -> tuple[str | int, ...]:
        """See AuditLog."""
        return ("log", self.name)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """See AuditLog."""
        with super().writing() as session:
            session.rows("SELECT record FROM newest FOR UPDATE")
            yield session

    def number(self, session: Session, of: Of, count: int) -> int:
        """See AuditLog."""
        ((newest,),) = session.rows(
            f"UPDATE newest SET {of} = {of} + ? RETURNING {of}",  # noqa: S608 - one of two words
            count,
        )
        return int(newest) - count + 1

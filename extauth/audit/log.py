"""The audit log as its writers and readers see it, wherever it is kept."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from extauth.storage.database import Database, Session

Of = Literal["record", "action"]


class AuditLog(Protocol):
    """Three tables: `records` and `actions`, numbered as they come, and the `chain` of both.

    Any number of processes may write. Safe for any thread; every method may block, and raises
    StackError with the log's name and what to do.
    """

    name: str
    """The path of its file, or the URL of its server."""

    blob: str
    """SQL's type of bytes."""

    def open(self) -> None:
        """Make the log where there is none, or bring one of an earlier version up."""

    def exists(self) -> bool:
        """Tell whether there is a log."""

    def identity(self) -> tuple[str | int, ...]:
        """Return what tells this log from every other."""

    def reading(self) -> AbstractContextManager[Session]:
        """Read; every statement sees what is committed when it begins. Never makes a log."""

    def snapshot(self) -> AbstractContextManager[Session]:
        """Read; all statements see what was committed when the first began."""

    def writing(self) -> AbstractContextManager[Session]:
        """Write in one transaction, while nobody else adds to the chain. Never makes a log."""

    def number(self, session: Session, of: Of, count: int) -> int:
        """Take the next numbers, in a block that writes; return the first."""

    def scrub(self) -> None:
        """See Database."""

    def close(self) -> None:
        """Let go of files and connections. Safe to call twice."""


class TableLog:
    """The part of `AuditLog` that its database does; see there for its promises."""

    def __init__(self, database: Database) -> None:
        self.name = database.name
        self._database = database

    def open(self) -> None:
        """See AuditLog."""
        self._database.open()

    def exists(self) -> bool:
        """See AuditLog."""
        return self._database.exists()

    def reading(self) -> AbstractContextManager[Session]:
        """See AuditLog."""
        return self._database.reading()

    def snapshot(self) -> AbstractContextManager[Session]:
        """See AuditLog."""
        return self._database.snapshot()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """See AuditLog."""
        if not self.exists():
            raise StackError(f"{self.name}: there is no audit log")
        with self._database.writing() as session:
            yield session

    def scrub(self) -> None:
        """See AuditLog."""
        self._database.scrub()

    def close(self) -> None:
        """See AuditLog."""
        self._database.close()

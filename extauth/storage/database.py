"""A database as the stores see it: SQLite in a file, or a PostgreSQL that several gateways share.

Stores write their SQL in the words that both understand, with `?` in the place of a value. The
drivers, and their errors, stay in `sqlite` and `postgres`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

ColumnValue = str | int | float | bytes | None
"""Of a column. Text must not hold U+0000: PostgreSQL has no such text."""


class Session(Protocol):
    """A connection for the length of a block. Belongs to the thread that opened it."""

    def rows(self, sql: str, *values: ColumnValue) -> list[tuple[Any, ...]]:
        """Run a query, and return all rows."""

    def run(self, sql: str, *values: ColumnValue) -> int:
        """Run a statement, and return how many rows it changed."""

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[ColumnValue]]
    ) -> None:
        """Insert rows as fast as the database can."""


class Database(Protocol):
    """A database with the tables of a store. Safe for any thread; every method may block.

    A block that can't be begun or ended raises StackError with the database's name, the reason and
    what to do; so does every method of its session.
    """

    name: str
    """The path of a file or the URL of a server, without a password."""

    def open(self) -> None:
        """Make the tables, or bring those of an earlier version up to this one.

        Raises StackError when the database can't be used, or a later version wrote it.
        """

    def exists(self) -> bool:
        """Tell whether the tables are there. Raises StackError when nobody can say."""

    def reading(self) -> AbstractContextManager[Session]:
        """Read; every statement sees what is committed when it begins."""

    def snapshot(self) -> AbstractContextManager[Session]:
        """Read; all statements see what was committed when the first began."""

    def writing(self) -> AbstractContextManager[Session]:
        """Write: all of the block is committed at its end, or none of it when it raises."""

    def scrub(self) -> None:
        """Leave nothing of what was deleted or replaced where a query could find it.

        In SQLite it is in no file afterwards. Raises StackError when somebody who reads it prevents
        that.
        """

    def close(self) -> None:
        """Let go of all connections. Safe to call twice."""

"""What operators changed by hand: who, when, what, before and after. In the audit log's file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from extauth.errors import StackError
from extauth.sqlite import connect, connect_read_only

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TABLE = """
CREATE TABLE IF NOT EXISTS actions (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  time REAL NOT NULL,
  action BLOB NOT NULL
)
"""
_SELECT = "SELECT action FROM actions WHERE time >= ? AND time < ? ORDER BY number"


def _about(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class Action(msgspec.Struct, frozen=True):
    """One change. It is written down before it is made, and completed afterwards."""

    time: Annotated[float, _about("When it was ordered, in unix seconds.")]
    credential: Annotated[str, _about("What the order was allowed by: the admin token.")]
    user: Annotated[
        str | None,
        _about("The operating-system user, as the command line says; null when it did not."),
    ]
    kind: Annotated[str, _about("What was done: limits.reset, limits.grant.")]
    subject: Annotated[str, _about("What it was done to: a limit's key.")]
    details: Annotated[dict[str, Any], _about("The rest of the order.")]
    before: Annotated[list[Any], _about("How it stood before.")]
    after: Annotated[
        list[Any] | None, _about("How it stood afterwards; null when it was not completed.")
    ] = None


_decode = msgspec.json.Decoder(Action).decode


class ActionLog:
    """Writes actions. Each call opens the file: actions are rare. For any thread.

    What a call wrote survives a loss of power. Methods raise StackError when the file, which the
    writer of records makes, can't be written.
    """

    def __init__(self, path: Path) -> None:
        """`path` is the audit log's file."""
        self._path = path

    def begin(self, action: Action) -> int:
        """Write down what is about to be done; its number, for `complete`."""
        found = self._run("INSERT INTO actions (time, action) VALUES (?, ?)", action.time, action)
        return int(found.lastrowid or 0)

    def complete(self, number: int, action: Action) -> None:
        """Write down what came of it."""
        self._run(
            "UPDATE actions SET time = ?, action = ? WHERE number = ?", action.time, action, number
        )

    def _run(self, statement: str, time: float, action: Action, *more: int) -> sqlite3.Cursor:
        if not self._path.exists():
            raise StackError(f"{self._path}: there is no audit log")
        try:
            with closing(connect(self._path, "", synchronous="FULL")) as connection:
                connection.execute(TABLE)
                return connection.execute(statement, (time, msgspec.json.encode(action), *more))
        except sqlite3.Error as error:
            raise StackError(f"{self._path}: can't be written: {error}") from None


def actions(
    path: Path, *, since: float | None = None, until: float | None = None
) -> Iterator[Action]:
    """Actions in their order; from `since`, before `until`. Raises StackError."""
    return map(_decode, export_actions(path, since=since, until=until))


def export_actions(
    path: Path, *, since: float | None = None, until: float | None = None
) -> Iterator[bytes]:
    """The same as JSON without a line end."""
    try:
        with closing(connect_read_only(path)) as connection:
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'actions'"
            ).fetchone():
                return
            bounds = (
                float("-inf") if since is None else since,
                float("inf") if until is None else until,
            )
            for (action,) in connection.execute(_SELECT, bounds):
                yield action
    except sqlite3.Error as error:
        raise StackError(f"{path}: can't be read: {error}") from None

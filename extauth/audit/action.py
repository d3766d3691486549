"""What operators changed by hand: who, when, what, before and after. In the audit log's file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from extauth.audit.chain import ACTION, COMPLETED, WRITTEN, Entry, append, digest, salts
from extauth.audit.layout import open_for_reading, open_log
from extauth.errors import StackError
from extauth.storage.sqlite import transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SELECT = "SELECT action FROM actions WHERE time >= ? AND time < ? ORDER BY number"


def _about(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class Action(msgspec.Struct, frozen=True):
    """One change. It is written down before it is made, and completed afterwards."""

    time: Annotated[float, _about("When it was ordered, in unix seconds.")]
    credential: Annotated[
        str, _about("What the order was allowed by: the admin token, the state directory.")
    ]
    user: Annotated[
        str | None,
        _about("The operating-system user, as the command line says; null when it did not."),
    ]
    kind: Annotated[str, _about("What was done: limits.reset, limits.grant, privacy.erase.")]
    subject: Annotated[
        str, _about("What it was done to: a limit's key, the pseudonym of an erased person.")
    ]
    details: Annotated[dict[str, Any], _about("The rest of the order.")]
    before: Annotated[list[Any], _about("How it stood before; of an erasure, nothing.")]
    after: Annotated[
        list[Any] | None,
        _about(
            "How it stood afterwards; of an erasure, what was rewritten or deleted where. Null "
            "when it was not completed."
        ),
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

        def write(connection: sqlite3.Connection) -> int:
            found = connection.execute(
                "INSERT INTO actions (time, action) VALUES (?, x'')", (action.time,)
            )
            return _put(connection, int(found.lastrowid or 0), action, WRITTEN)

        return self._run(write)

    def complete(self, number: int, action: Action) -> None:
        """Write down what came of it."""
        self._run(lambda connection: _put(connection, number, action, COMPLETED))

    def _run(self, write: Callable[[sqlite3.Connection], int]) -> int:
        if not self._path.exists():
            raise StackError(f"{self._path}: there is no audit log")
        try:
            with (
                closing(open_log(self._path, synchronous="FULL")) as connection,
                transaction(connection),
            ):
                return write(connection)
        except sqlite3.Error as error:
            raise StackError(f"{self._path}: can't be written: {error}") from None


def _put(connection: sqlite3.Connection, number: int, action: Action, event: str) -> int:
    """Give an action its content and its place in the chain; its number."""
    content, salt = msgspec.json.encode(action), salts(1)
    place = append(connection, [Entry(ACTION, event, number, 0, digest(salt, content))]).place
    connection.execute(
        "UPDATE actions SET time = ?, place = ?, salt = ?, action = ? WHERE number = ?",
        (action.time, place, salt, content, number),
    )
    return number


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
        with closing(open_for_reading(path)) as connection:
            bounds = (
                float("-inf") if since is None else since,
                float("inf") if until is None else until,
            )
            for (action,) in connection.execute(_SELECT, bounds):
                yield action
    except sqlite3.Error as error:
        raise StackError(f"{path}: can't be read: {error}") from None

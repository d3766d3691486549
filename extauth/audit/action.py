"""Actions: changes that operators made by hand, with who, when, before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from extauth.audit.chain import ACTION, COMPLETED, WRITTEN, ChainEntry, append, digest, salts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.audit.log import AuditLog

_AT_ONCE = 1000
_COMPLETE = "UPDATE actions SET time = ?, place = ?, salt = ?, action = ? WHERE number = ?"
_SELECT = """
SELECT number, action FROM actions
WHERE number > ? AND time >= ? AND time < ? ORDER BY number LIMIT ?
"""


def _about(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class Action(msgspec.Struct, frozen=True):
    """A change by hand. It is recorded before it is made, and completed afterwards."""

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
    """Writes actions. For any thread.

    What a call wrote is durable. Methods raise StackError when the log, which the writer of records
    makes, can't be written.
    """

    def __init__(self, log: AuditLog) -> None:
        """`log` outlives it."""
        self._log = log

    def begin(self, action: Action) -> int:
        """Write down what is about to be done; return its number, for `complete`."""
        content, salt = msgspec.json.encode(action), salts(1)
        with self._log.writing() as session:
            number = self._log.number(session, ACTION, 1)
            entry = ChainEntry(ACTION, WRITTEN, number, 0, digest(salt, content))
            place = append(session, [entry]).place
            session.insert(
                "actions",
                ("number", "time", "place", "salt", "action"),
                [(number, action.time, place, salt, content)],
            )
        return number

    def complete(self, number: int, action: Action) -> None:
        """Write down what came of it."""
        content, salt = msgspec.json.encode(action), salts(1)
        with self._log.writing() as session:
            entry = ChainEntry(ACTION, COMPLETED, number, 0, digest(salt, content))
            place = append(session, [entry]).place
            session.run(_COMPLETE, action.time, place, salt, content, number)


def actions(
    log: AuditLog, *, since: float | None = None, until: float | None = None
) -> Iterator[Action]:
    """Return actions in their order; from `since`, before `until`. Raises StackError."""
    return map(_decode, export_actions(log, since=since, until=until))


def export_actions(
    log: AuditLog, *, since: float | None = None, until: float | None = None
) -> Iterator[bytes]:
    """Yield the same as JSON without a line end."""
    bounds = float("-inf") if since is None else since, float("inf") if until is None else until
    last = 0
    while True:
        with log.reading() as session:
            rows = session.rows(_SELECT, last, *bounds, _AT_ONCE)
        if not rows:
            return
        yield from (content for _, content in rows)
        last = rows[-1][0]

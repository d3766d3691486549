"""The audit log as people read it, also while a gateway writes to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.audit.record import AuditRecord
from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from extauth.audit.log import AuditLog
    from extauth.storage.database import ColumnValue

_AT_ONCE = 1000
_EXPORT = """
SELECT time, number, record FROM records
WHERE (time, number) > (?, ?) AND time < ? {} ORDER BY time, number LIMIT ?
"""
_decode = msgspec.json.Decoder(AuditRecord).decode


class AuditStore:
    """Reads one audit log. Methods raise StackError when there is none, or it can't be read."""

    def __init__(self, log: AuditLog) -> None:
        """`log` outlives it."""
        self._log = log

    def last(self, limit: int) -> tuple[AuditRecord, ...]:
        """Return the newest records, the oldest of them first."""
        rows = self._rows("SELECT record FROM records ORDER BY number DESC LIMIT ?", limit)
        return tuple(_decode(record) for (record,) in rows)[::-1]

    def follow(self, limit: int, pause: Callable[[], None]) -> Iterator[AuditRecord]:
        """Yield the newest records, then each new one, for ever; `pause` waits between looks."""
        ((newest,),) = self._rows("SELECT coalesce(max(number), 0) FROM records")
        seen = newest - limit
        while True:
            rows = self._rows(
                "SELECT number, record FROM records WHERE number > ? ORDER BY number LIMIT ?",
                seen,
                _AT_ONCE,
            )
            for number, record in rows:
                seen = number
                yield _decode(record)
            if not rows:
                pause()

    def show(self, request_id: str) -> tuple[AuditRecord, ...]:
        """Return the records of a request: one, unless a client chose an id twice."""
        rows = self._rows(
            "SELECT record FROM records WHERE request_id = ? ORDER BY number", request_id
        )
        return tuple(_decode(record) for (record,) in rows)

    def export(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        tenant: str | None = None,
    ) -> Iterator[bytes]:
        """Yield records as JSON without a line end, the oldest first.

        From `since`, before `until`.
        """
        query = _EXPORT.format("" if tenant is None else "AND tenant = ?")
        whose: tuple[str, ...] = () if tenant is None else (tenant,)
        end = float("inf") if until is None else until
        time, number = float("-inf") if since is None else since, -1
        while rows := self._rows(query, time, number, end, *whose, _AT_ONCE):
            for time, number, record in rows:  # noqa: B007 - the next piece begins behind the last
                yield record

    def _rows(self, query: str, *values: ColumnValue) -> list[tuple[Any, ...]]:
        with self._log.reading() as session:
            return session.rows(query, *values)


def write_lines(path: Path, lines: Iterable[bytes]) -> int:
    """Write lines to a file that only its owner can read, in the place of an older one.

    Returns how many there were. Raises StackError when the file can't be written.
    """
    count = 0
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            for line in lines:
                file.write(line + b"\n")
                count += 1
    except OSError as error:
        raise StackError(f"{path}: can't be written: {error.strerror}") from None
    return count

"""The audit log as people read it, also while a gateway writes to it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.audit.layout import open_for_reading
from extauth.audit.record import AuditRecord
from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_decode = msgspec.json.Decoder(AuditRecord).decode


class AuditStore:
    """Reads one audit log. Methods raise StackError when it can't be read."""

    def __init__(self, path: Path) -> None:
        """Open the log. Raises StackError when there is none."""
        self._path = path
        self._connection = open_for_reading(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def last(self, limit: int) -> tuple[AuditRecord, ...]:
        """The newest records, the oldest of them first."""
        rows = self._rows("SELECT record FROM records ORDER BY number DESC LIMIT ?", limit)
        return tuple(_decode(record) for (record,) in rows)[::-1]

    def follow(self, limit: int, pause: Callable[[], None]) -> Iterator[AuditRecord]:
        """The newest records, and then each new one, for ever; `pause` waits between looks."""
        (seen,) = next(self._rows("SELECT coalesce(max(number), 0) - ? FROM records", limit))
        while True:
            for number, record in self._rows(
                "SELECT number, record FROM records WHERE number > ? ORDER BY number", seen
            ):
                seen = number
                yield _decode(record)
            pause()

    def show(self, request_id: str) -> tuple[AuditRecord, ...]:
        """The records of a request: one, unless a client chose an id twice."""
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
        """Records as JSON without a line end, the oldest first; from `since`, before `until`."""
        rows = self._rows(
            "SELECT record FROM records WHERE time >= ? AND time < ?"
            " AND (? IS NULL OR tenant = ?) ORDER BY time, number",
            float("-inf") if since is None else since,
            float("inf") if until is None else until,
            tenant,
            tenant,
        )
        return (record for (record,) in rows)

    def _rows(self, query: str, *values: float | str | None) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.Error as error:
            raise StackError(f"{self._path}: can't be read: {error}") from None


@contextmanager
def opened(path: Path) -> Iterator[AuditStore]:
    """A store for the length of a block."""
    store = AuditStore(path)
    try:
        yield store
    finally:
        store.close()


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

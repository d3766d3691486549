"""The audit log in pieces, in the order of time: for readers that share the work.

No statement stays open between two pieces, so a gateway that writes meanwhile is not held up.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from extauth.audit.layout import open_for_reading
from extauth.errors import StackError

if TYPE_CHECKING:
    from pathlib import Path

_COUNT = """
SELECT count(*) FROM records
WHERE (time, number) > (?, ?) AND time < ? AND number <= ?
"""
_PIECE = """
SELECT time, number FROM records
WHERE (time, number) > (?, ?) AND time < ? AND number <= ?
ORDER BY time, number LIMIT ?
"""
_RECORDS = """
SELECT number, request_id, record FROM records
WHERE (time, number) > (?, ?) AND (time, number) <= (?, ?) AND number <= ?
ORDER BY time, number
"""


class Place(NamedTuple):
    """A record's place in the order of time; `number` tells records of one moment apart."""

    time: float
    number: int


START = Place(float("-inf"), -1)
"""Before every record."""


class AuditReader:
    """Reads pieces of one audit log. Methods raise StackError when it can't be read."""

    def __init__(self, path: Path) -> None:
        """Open the log. Raises StackError when there is none, or it is another version's."""
        self._path = path
        self._connection = open_for_reading(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def newest(self) -> int:
        """The number of the record that was written last; 0 when there is none."""
        ((number,),) = self._rows("SELECT coalesce(max(number), 0) FROM records")
        return int(number)

    def count(self, after: Place, until: float, newest: int) -> int:
        """How many records lie after a place and before `until`, up to the number `newest`."""
        ((count,),) = self._rows(_COUNT, *after, until, newest)
        return int(count)

    def piece(self, after: Place, until: float, newest: int, size: int) -> Place | None:
        """The last place of a piece of at most `size` records after a place; None at the end."""
        places = self._rows(_PIECE, *after, until, newest, size)
        return Place(*places[-1]) if places else None

    def records(self, after: Place, last: Place, newest: int) -> list[tuple[int, str, bytes]]:
        """Number, request id and JSON of the records after a place, up to and with another."""
        return self._rows(_RECORDS, *after, *last, newest)

    def _rows(self, query: str, *values: float) -> list[Any]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StackError(f"{self._path}: can't be read: {error}") from None

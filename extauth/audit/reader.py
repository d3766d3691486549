"""The audit log in pieces, in the order of time: for readers that share the work.

No statement stays open between two pieces, so a gateway that writes meanwhile is not held up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from extauth.audit.log import AuditLog

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


class LogPosition(NamedTuple):
    """A record's place in the order of time; `number` tells records of one moment apart."""

    time: float
    number: int


START = LogPosition(float("-inf"), -1)
"""Before every record."""


class AuditReader:
    """Reads pieces of one audit log. Methods raise StackError when it can't be read."""

    def __init__(self, log: AuditLog) -> None:
        """`log` outlives it."""
        self._log = log

    def newest(self) -> int:
        """Return the number of the record that was written last; 0 when there is none."""
        ((number,),) = self._rows("SELECT coalesce(max(number), 0) FROM records")
        return int(number)

    def count(self, after: LogPosition, until: float, newest: int) -> int:
        """Return how many records lie after a place and before `until`, up to `newest`."""
        ((count,),) = self._rows(_COUNT, *after, until, newest)
        return int(count)

    def piece(self, after: LogPosition, until: float, newest: int, size: int) -> LogPosition | None:
        """Return the last place of the next `size` records after a place; None at the end."""
        places = self._rows(_PIECE, *after, until, newest, size)
        return LogPosition(*places[-1]) if places else None

    def records(
        self, after: LogPosition, last: LogPosition, newest: int
    ) -> list[tuple[int, str, bytes]]:
        """Return number, request id and JSON of the records behind `after`, up to `last`."""
        return self._rows(_RECORDS, *after, *last, newest)

    def _rows(self, query: str, *values: float) -> list[Any]:
        with self._log.reading() as session:
            return session.rows(query, *values)

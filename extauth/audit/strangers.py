"""Requests of nobody known: one record a source and minute, and how many more there were."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from extauth.errors import StackError

if TYPE_CHECKING:
    from extauth.audit.record import AuditRecord
    from extauth.audit.writer import AuditWriter

logger = logging.getLogger(__name__)

MOST = 1000
"""Sources that are told apart in a minute; those beyond share one that is called `*`."""

MINUTE = 60.0

Kind = tuple[str, int, str | None]
"""A source, the status that it was answered and the code of the error."""


class Strangers:
    """Keeps strangers from filling the log: whoever is not known costs it a row or two a minute.

    The first request of a source, status and error in a minute has its record at once. The last
    one has its own when the minute is over, with the number of those between in `more`. A process
    that is killed loses this number, for a minute at most. Belongs to one event loop.
    """

    def __init__(self, audit: AuditWriter) -> None:
        self._audit = audit
        self._minute = -1
        self._first: set[Kind] = set()
        self._last: dict[Kind, AuditRecord] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: set[asyncio.Task[None]] = set()

    async def record(self, record: AuditRecord) -> None:
        """Have the record written, now or counted. Waits and raises as `AuditWriter.record`."""
        minute = int(record.time // MINUTE)
        if minute != self._minute:
            self._turn(minute)
        kind = (record.source, record.status, record.error)
        if kind not in self._first:
            if len(self._first) < MOST:
                self._first.add(kind)
                await self._audit.record(record)
                return
            kind = ("*", record.status, record.error)
            record = replace(record, source="*")
        before = self._last.get(kind)
        self._last[kind] = record if before is None else replace(record, more=before.more + 1)

    async def close(self) -> None:
        """Write what was counted. Raises StackError when nobody writes any more."""
        if self._timer is not None:
            self._timer.cancel()
        counted, self._last = self._last, {}
        await self._write(counted)
        await asyncio.gather(*self._flushing)

    def _turn(self, minute: int) -> None:
        """Begin another minute, and have what was counted in the last one written."""
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        counted, self._last = self._last, {}
        self._minute = minute
        self._first.clear()
        # Also when nobody comes any more.
        self._timer = loop.call_later(MINUTE, self._turn, -1) if minute >= 0 else None
        if counted:
            task = loop.create_task(self._written(counted))
            self._flushing.add(task)
            task.add_done_callback(self._flushing.discard)

    async def _written(self, counted: dict[Kind, AuditRecord]) -> None:
        try:
            await self._write(counted)
        except StackError as error:
            logger.error("requests of strangers are not on record: %s", error.message)

    async def _write(self, counted: dict[Kind, AuditRecord]) -> None:
        for record in counted.values():
            await self._audit.record(record)

"""Usage as the running gateway tells it: the ledger's lines, read away from the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extauth.usage.budgets import Budgets
from extauth.usage.own import OwnUsage, days_back
from extauth.usage.report import UsageReport

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.types import Clock
    from extauth.usage.query import UsageQuery
    from extauth.usage.source import LineSource


class UsageBooks:
    """Answers questions. For tasks of one event loop.

    Each reads many lines, so one is answered at a time, and beside it one about a principal's own.
    """

    def __init__(self, source: LineSource, snapshot: Path, clock: Clock) -> None:
        """`snapshot` is the link to the active one, whose budgets count."""
        self._source = source
        self._snapshot = snapshot
        self._clock = clock
        self._reading = asyncio.Lock()
        self._reading_own = asyncio.Lock()

    async def report(self, query: UsageQuery) -> UsageReport:
        """Look it up. Raises InvalidRequest for what can't be asked, StackError when the lines
        can't be read, ConfigurationError for budgets that are none.
        """
        query.check()
        async with self._reading:
            return await asyncio.to_thread(self._report, query)

    async def own(self, principal: str) -> OwnUsage:
        """A principal's last days. Raises StackError when the lines can't be read."""
        now = self._clock()
        async with self._reading_own:
            lines = await asyncio.to_thread(
                self._source.lines, principal=principal, since=days_back(now)
            )
        return OwnUsage.of(principal, lines, now)

    def _report(self, query: UsageQuery) -> UsageReport:
        return usage_report(query, self._source, self._snapshot, self._clock())


def usage_report(query: UsageQuery, source: LineSource, snapshot: Path, now: float) -> UsageReport:
    """Look a query up. Blocks; raises as `UsageBooks.answer` does."""
    query.check()
    monthly = query.month or query.forecast
    budgets = Budgets.of(snapshot) if monthly else Budgets()
    month = query.period(budgets, now)
    since = month.first if month else query.since
    return UsageReport.of(query, source.lines(since=since or ""), budgets=budgets, now=now)

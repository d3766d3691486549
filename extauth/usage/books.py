"""Usage reports in the running gateway, computed away from the event loop."""

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
    """Answers usage queries for tasks of one event loop.

    A query may read many lines. One query is answered at a time, and beside it one that asks for a
    principal's own usage.
    """

    def __init__(self, source: LineSource, snapshot: Path, clock: Clock) -> None:
        """`snapshot` is the link to the active snapshot, whose budgets apply."""
        self._source = source
        self._snapshot = snapshot
        self._clock = clock
        self._reading = asyncio.Lock()
        self._reading_own = asyncio.Lock()

    async def report(self, query: UsageQuery) -> UsageReport:
        """Return the report for `query`.

        Raises InvalidRequest for an invalid query, StackError when the lines can't be read, and
        ConfigurationError when the snapshot's budgets are malformed.
        """
        query.check()
        async with self._reading:
            return await asyncio.to_thread(self._report, query)

    async def own(self, principal: str) -> OwnUsage:
        """Return a principal's usage of the last days. Raises StackError when it can't be read."""
        now = self._clock()
        async with self._reading_own:
            lines = await asyncio.to_thread(
                self._source.lines, principal=principal, since=days_back(now)
            )
        return OwnUsage.of(principal, lines, now)

    def _report(self, query: UsageQuery) -> UsageReport:
        return usage_report(query, self._source, self._snapshot, self._clock())


def usage_report(query: UsageQuery, source: LineSource, snapshot: Path, now: float) -> UsageReport:
    """Return the report for `query` at `now`. Blocks. Raises as `UsageBooks.report` does."""
    query.check()
    monthly = query.month or query.forecast
    budgets = Budgets.of(snapshot) if monthly else Budgets()
    month = query.period(budgets, now)
    since = month.first if month else query.since
    return UsageReport.of(query, source.lines(since=since or ""), budgets=budgets, now=now)

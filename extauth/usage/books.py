"""Usage as the running gateway tells it: the ledger's lines, read away from the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extauth.usage.answer import Answer
from extauth.usage.budgets import Budgets
from extauth.usage.own import OwnUsage, days_back

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.types import Clock
    from extauth.usage.question import Question
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

    async def answer(self, question: Question) -> Answer:
        """Look it up. Raises InvalidRequest for what can't be asked, StackError when the lines
        can't be read, ConfigurationError for budgets that are none.
        """
        question.check()
        async with self._reading:
            return await asyncio.to_thread(self._answer, question)

    async def own(self, principal: str) -> OwnUsage:
        """A principal's last days. Raises StackError when the lines can't be read."""
        now = self._clock()
        async with self._reading_own:
            lines = await asyncio.to_thread(
                self._source.lines, principal=principal, since=days_back(now)
            )
        return OwnUsage.of(principal, lines, now)

    def _answer(self, question: Question) -> Answer:
        return answer(question, self._source, self._snapshot, self._clock())


def answer(question: Question, source: LineSource, snapshot: Path, now: float) -> Answer:
    """Look a question up. Blocks; raises as `UsageBooks.answer` does."""
    question.check()
    monthly = question.month or question.forecast
    budgets = Budgets.of(snapshot) if monthly else Budgets()
    month = question.period(budgets, now)
    since = month.first if month else question.since
    return Answer.to(question, source.lines(since=since or ""), budgets=budgets, now=now)

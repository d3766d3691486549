"""The time of a request, and its end: settled once, recorded once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from itertools import repeat
from operator import floordiv, sub
from typing import TYPE_CHECKING, NamedTuple

from extauth.audit import Outcome
from extauth.errors import (
    AnsweredError,
    Forbidden,
    GatewayError,
    LedgerUnavailable,
    LimitExceeded,
    NotFound,
    PolicyError,
    PolicyUnavailable,
    RequestError,
    Unauthenticated,
)
from extauth.gateway.decisions import Decisions
from extauth.gateway.entry import Entry

if TYPE_CHECKING:
    from extauth.audit import TrialPart
    from extauth.gateway.books import Books
    from extauth.gateway.runtime import Runtime
    from extauth.ledger import Reservation
    from extauth.types import RequestHead, Usage

logger = logging.getLogger(__name__)

PROGRESS = 1.0
"""Seconds of a stream that the ledger may not know of when the process is killed."""

CLIENT_CLOSED_REQUEST = 499
"""The status that logs give a client that left; nobody receives it."""


class Interval(NamedTuple):
    """The time that a request spent in a stage, by `time.perf_counter_ns`."""

    stage: str
    start: int
    end: int


class Transaction:
    """The time of one request, and its end. Belongs to the task that serves it; not thread-safe.

    The runtime stays open until `close`, which settles what is reserved and records `entry`, once,
    however the request ends. `usage` is what is charged then; None gives the reservation back.
    """

    __slots__ = (
        "_progressed",
        "_reservation",
        "_settled",
        "_stages",
        "_times",
        "books",
        "closed",
        "decisions",
        "entry",
        "head",
        "received",
        "runtime",
        "usage",
    )

    def __init__(self, books: Books, runtime: Runtime, head: RequestHead) -> None:
        self._times = [time.perf_counter_ns()]
        self._stages: list[str] = []
        self.books = books
        self.runtime = runtime
        runtime.pin()
        self.head = head
        self.received = books.clock()
        self._progressed = time.monotonic()
        self.entry = Entry()
        self.usage: Usage | None = None
        self.closed = False
        self.decisions = Decisions(runtime, books.metrics, self.entry)
        self._reservation: Reservation | None = None
        self._settled = False

    def mark(self, stage: str) -> None:
        """End an interval of `stage`, which began where the last one ended."""
        self._times.append(time.perf_counter_ns())
        self._stages.append(stage)

    @property
    def intervals(self) -> list[Interval]:
        """The intervals so far: each begins where the one before it ended."""
        return list(map(Interval, self._stages, self._times, self._times[1:]))

    @property
    def timings(self) -> dict[str, int]:
        """The microseconds of each stage, over all of its intervals."""
        stages, times = self._stages, self._times
        spent = list(map(floordiv, map(sub, times[1:], times), repeat(1000)))
        found = dict(zip(stages, spent, strict=True))
        if len(found) < len(stages):
            found = dict.fromkeys(found, 0)
            for stage, microseconds in zip(stages, spent, strict=True):
                found[stage] += microseconds
        return found

    def reserved(self, reservation: Reservation) -> None:
        """From here on, the end has something to settle."""
        self._reservation = reservation
        self.books.load.began(reservation.account.model)

    @property
    def progress_due(self) -> bool:
        """True when the ledger was not told of `usage` for a second."""
        return time.monotonic() >= self._progressed + PROGRESS

    async def progress(self) -> None:
        """Let the ledger know of what is used by now."""
        self._progressed = time.monotonic()
        if self.usage is None or self._reservation is None:
            return
        # Whether the books can be written is asked at the end, when it matters.
        with contextlib.suppress(LedgerUnavailable):
            await self.books.ledger.progress(self._reservation, self.usage, self.books.clock())

    async def close(
        self, outcome: Outcome, *, status: int, error: AnsweredError | None = None
    ) -> None:
        """Settle and record how it ended. Only the first call counts, unless it is cancelled.

        What is charged is durable when this returns. Raises LedgerUnavailable when the books
        can't be written; the record then says so.
        """
        if self.closed:
            return
        self.closed = True
        try:
            failure = await self._settle()
            trial = self.decisions.close()
            if failure is not None:
                error = failure
                outcome, status = Outcome.FAILED, failure.status
            if isinstance(error, GatewayError):
                logger.warning(
                    "request %s: %s: %s", self.head.request_id, error.code, error.message
                )
            self.mark("settle")
            await self._record(outcome, status, error, trial)
        except asyncio.CancelledError:
            self.closed = self._settled
            raise
        finally:
            if self.closed:
                self.runtime.unpin()
        if failure is not None:
            raise failure

    async def refuse(self, error: Exception) -> AnsweredError:
        """Close because of `error`; return the error that the client is told.

        It is another one where `error` is a defect, which is logged, or nothing can be settled.
        """
        if not isinstance(error, AnsweredError):
            logger.error("request %s failed", self.head.request_id, exc_info=error)
            error = GatewayError("The gateway failed to serve this request.")
        try:
            await self.close(outcome_of(error), status=error.status, error=error)
        except LedgerUnavailable as unavailable:
            return unavailable
        return error

    async def disconnected(self) -> None:
        """Close because the client left."""
        await self.close(Outcome.DISCONNECTED, status=CLIENT_CLOSED_REQUEST)

    async def _settle(self) -> LedgerUnavailable | None:
        reservation, books = self._reservation, self.books
        if reservation is None:
            self._settled = True
            return None
        failure = None
        try:
            if self.usage is None:
                await books.ledger.release(reservation, books.clock())
            else:
                for crossing in await books.ledger.settle(reservation, self.usage, books.clock()):
                    books.events.raised(crossing, reservation.account)
        except LedgerUnavailable as unavailable:
            failure = unavailable
        self._settled = True
        books.load.ended(reservation.account.model)
        books.room.freed(reservation.demand.limits)
        return failure

    async def _record(
        self, outcome: Outcome, status: int, error: AnsweredError | None, trial: TrialPart | None
    ) -> None:
        record = self.entry.record(
            self.runtime,
            self.head,
            received=self.received,
            outcome=outcome,
            status=status,
            error=error,
            sent=self._reservation is not None or outcome is Outcome.SERVED,
            usage=self.usage,
            timings=self.timings,
            trial=trial,
        )
        metrics = self.books.metrics
        metrics.request(outcome, record.error, record.api or "none", status)
        metrics.stages(record.timings)
        if record.principal is not None:
            self.books.behaviour.note(record.principal.id, outcome, time.monotonic())
        if record.usage is not None and record.route is not None:
            metrics.tokens(
                record.route.model, record.usage.prompt_tokens, record.usage.completion_tokens
            )
        log = self.books.audit if record.principal is not None else self.books.strangers
        await log.record(record)


def outcome_of(error: AnsweredError) -> Outcome:
    """The name that the record gives to the end of a request by `error`."""
    if isinstance(error, LimitExceeded):
        return Outcome.LIMITED
    if isinstance(error, PolicyError | PolicyUnavailable):
        return Outcome.DENIED
    if isinstance(error, RequestError):
        denied = isinstance(error, Unauthenticated | Forbidden | NotFound)
        return Outcome.DENIED if denied else Outcome.INVALID
    return Outcome.FAILED

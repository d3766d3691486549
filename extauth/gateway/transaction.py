"""One request from its first byte to its last, and the books that are kept of it.

    RECEIVED -> ADMITTED -> RESERVED -> CLOSED

Whatever happens, `close` runs exactly once: it settles what was reserved, writes the audit
record and counts. A stage only notes what it found out.
"""

from __future__ import annotations

import contextlib
import logging
import time
from enum import Enum, auto
from typing import TYPE_CHECKING

from extauth.audit import AuditRecord, AuditWriter, Outcome
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
from extauth.gateway.metrics import RequestMetrics
from extauth.types import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.audit import TrialPart
    from extauth.events import Events
    from extauth.facts.behaviour import Behaviour
    from extauth.facts.load import LoadMonitor
    from extauth.gateway.queue import WaitingRoom
    from extauth.gateway.runtime import Runtime
    from extauth.ledger import Ledger, Reservation
    from extauth.observability.metrics import Metrics
    from extauth.policy import Entrypoint
    from extauth.rollout import Part
    from extauth.types import Clock, Decision, Facts, Principal, RequestHead, Target

logger = logging.getLogger(__name__)

PROGRESS = 1.0
"""Seconds of a stream that the ledger may not know of when the process is killed."""

CLIENT_CLOSED_REQUEST = 499
"""The status that logs give a client that left; nobody receives it."""


class State(Enum):
    """How far a request came."""

    RECEIVED = auto()
    ADMITTED = auto()
    RESERVED = auto()
    CLOSED = auto()


class Books:
    """Where transactions are entered: one a process, shared by all of them."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        room: WaitingRoom,
        events: Events,
        load: LoadMonitor,
        behaviour: Behaviour,
        audit: AuditWriter,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self.ledger = ledger
        self.room = room
        self.events = events
        self.load = load
        self.behaviour = behaviour
        self.audit = audit
        self.metrics = RequestMetrics(metrics)
        self.clock = clock


class Transaction:
    """The state of one request. Belongs to the task that serves it; not thread-safe."""

    __slots__ = (
        "_mark",
        "_progressed",
        "answer_sensitive",
        "books",
        "decision",
        "dropped_turns",
        "facts",
        "head",
        "noted",
        "part",
        "principal",
        "received",
        "reservation",
        "runtime",
        "state",
        "stream",
        "target",
        "timings",
        "trial",
        "usage",
    )

    def __init__(self, books: Books, runtime: Runtime, head: RequestHead) -> None:
        self.books = books
        self._mark = time.perf_counter_ns()
        self.runtime = runtime
        runtime.pin()
        self.head = head
        self.received = self._progressed = books.clock()
        self.state = State.RECEIVED
        self.target: Target | None = None
        self.principal: Principal | None = None
        self.part: Part | None = None
        self.trial: TrialPart | None = None
        self.facts: Facts | None = None
        self.decision: Decision | None = None
        self.reservation: Reservation | None = None
        self.usage: Usage | None = None
        self.stream = False
        self.dropped_turns = 0
        self.noted: dict[str, int] = {}
        self.answer_sensitive: dict[str, int] = {}
        self.timings: dict[str, int] = {}

    def note(self, findings: Mapping[str, int]) -> None:
        """Tell of findings that were left as they are: how many more of which kinds."""
        for kind, times in findings.items():
            self.noted[kind] = self.noted.get(kind, 0) + times

    def mark(self, stage: str) -> None:
        """Book the time since the last mark, in microseconds, to `stage`."""
        now = time.perf_counter_ns()
        self.timings[stage] = self.timings.get(stage, 0) + (now - self._mark) // 1000
        self._mark = now

    def join(self, principal: Principal) -> None:
        """Take part in the trial of a candidate, if one runs that is about this request."""
        trial = self.runtime.trial
        if trial is not None:
            self.part = trial.join(self.head.request_id, principal, self.runtime.engine)

    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """Ask the policy, and note the question and the answer.

        Raises PolicyError or PolicyUnavailable, which are denies.
        """
        self.facts = facts
        engine = self.part or self.runtime.engine
        started = time.perf_counter()
        try:
            self.decision = await engine.decide(entrypoint, facts)
        except GatewayError:
            self.books.metrics.decision(
                engine.name, entrypoint, time.perf_counter() - started, ok=False
            )
            raise
        self.books.metrics.decision(engine.name, entrypoint, time.perf_counter() - started, ok=True)
        return self.decision

    def admitted(self) -> None:
        """The header stage let it pass."""
        self.state = State.ADMITTED

    def reserved(self, reservation: Reservation) -> None:
        """From here on, the end has something to settle."""
        self.reservation = reservation
        self.state = State.RESERVED
        self.books.load.began(reservation.account.model)

    async def progress(self) -> None:
        """Let the ledger know, once a second, of what is used by now."""
        now = self.books.clock()
        if now < self._progressed + PROGRESS or self.usage is None or self.reservation is None:
            return
        self._progressed = now
        # Whether the books can be written is asked at the end, when it matters.
        with contextlib.suppress(LedgerUnavailable):
            await self.books.ledger.progress(self.reservation, self.usage, now)

    async def close(
        self, outcome: Outcome, *, status: int, error: AnsweredError | None = None
    ) -> None:
        """Settle and write down how it ended. Only the first call counts.

        With `usage` known, that much is charged, and it is durable when this returns; without,
        the reservation is given back. Raises LedgerUnavailable when the books can't be written;
        the record then says so.
        """
        if self.state is State.CLOSED:
            return
        self.state = State.CLOSED
        if self.part is not None:
            self.trial = self.part.close()
        try:
            await self._close(outcome, status, error)
        finally:
            self.runtime.unpin()

    async def refuse(self, error: AnsweredError) -> None:
        """Close with the error that the client is told."""
        await self.close(outcome_of(error), status=error.status, error=error)

    async def disconnected(self) -> None:
        """Close because the client left."""
        await self.close(Outcome.DISCONNECTED, status=CLIENT_CLOSED_REQUEST)

    async def _close(self, outcome: Outcome, status: int, error: AnsweredError | None) -> None:
        failure: LedgerUnavailable | None = None
        if self.reservation is not None:
            self.books.load.ended(self.reservation.account.model)
            try:
                if self.usage is None:
                    await self.books.ledger.release(self.reservation, self.books.clock())
                else:
                    await self._settle(self.reservation, self.usage)
            except LedgerUnavailable as unavailable:
                failure = error = unavailable
                outcome, status = Outcome.FAILED, unavailable.status
            self.books.room.freed(self.reservation.demand.limits)
        if isinstance(error, GatewayError):
            logger.warning("request %s: %s: %s", self.head.request_id, error.code, error.message)
        self.mark("settle")
        await self._record(outcome, status, error)
        if failure is not None:
            raise failure

    async def _settle(self, reservation: Reservation, usage: Usage) -> None:
        books = self.books
        for crossing in await books.ledger.settle(reservation, usage, books.clock()):
            books.events.raised(crossing, reservation.account)

    async def _record(self, outcome: Outcome, status: int, error: AnsweredError | None) -> None:
        metrics = self.books.metrics
        sent = self.reservation is not None or outcome is Outcome.SERVED
        route = self.decision.route if self.decision and sent else None
        rules = tuple(reason.rule for reason in self.decision.reasons) if self.decision else ()
        metrics.request(
            outcome,
            error.code if error else None,
            self.target.api if self.target else "none",
            status,
        )
        metrics.stages(self.timings)
        if self.principal is not None:
            self.books.behaviour.note(self.principal.id, outcome, self.books.clock())
        if self.usage is not None and route is not None:
            metrics.tokens(route.model, self.usage.prompt_tokens, self.usage.completion_tokens)
        await self.books.audit.record(
            AuditRecord(
                request_id=self.head.request_id,
                time=self.received,
                snapshot=self.runtime.snapshot.digest,
                engine=self.runtime.engine.name,
                api=self.target.api if self.target else None,
                operation=self.target.operation if self.target else None,
                principal=self.principal,
                source=self.head.source_ip,
                facts=self.facts,
                decision=self.decision,
                rules=rules,
                outcome=outcome,
                status=status,
                error=error.code if error else None,
                route=route,
                usage=self.usage,
                stream=self.stream,
                noted=self.noted,
                dropped_turns=self.dropped_turns,
                answer_sensitive=self.answer_sensitive,
                timings=self.timings,
                trial=self.trial,
            )
        )


def outcome_of(error: AnsweredError) -> Outcome:
    """How the record names a request that ended in `error`."""
    if isinstance(error, LimitExceeded):
        return Outcome.LIMITED
    if isinstance(error, PolicyError | PolicyUnavailable):
        return Outcome.DENIED
    if isinstance(error, RequestError):
        denied = isinstance(error, Unauthenticated | Forbidden | NotFound)
        return Outcome.DENIED if denied else Outcome.INVALID
    return Outcome.FAILED

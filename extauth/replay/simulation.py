"""A trace through the ledger's own arithmetic, under one side's decisions, on a simulated clock.

A request is reserved at the moment it was made and settled when it took as long as it did. The
books are empty when the trace begins, so what was used before it counts nowhere.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from extauth.errors import LimitExceeded
from extauth.ledger import Charge, Reservation
from extauth.ledger.book import Book
from extauth.ledger.fold import Bucket, Reserved
from extauth.types import Account, Clamp, Limit, Usage

if TYPE_CHECKING:
    from extauth.policy.verdict import Verdict
    from extauth.replay.batch import Demand, Judged


class Outcome(NamedTuple):
    """One request in a simulation: the limit that refused it, or what it used."""

    refused: str | None
    usage: Usage | None


class Pending(msgspec.Struct, frozen=True):
    """A reservation and how it will end. `usage` None gives it back."""

    due: float
    number: int
    entry: Reserved
    usage: Usage | None

    def __lt__(self, other: Pending) -> bool:
        return (self.due, self.number) < (other.due, other.number)


class State(msgspec.Struct):
    """A simulation on disk."""

    now: float
    count: int
    pending: list[Pending]
    buckets: list[tuple[Bucket, int, int]]


class Simulation:
    """One side of a replay. Requests come in the order of time. Not thread-safe."""

    def __init__(self) -> None:
        self._book = Book()
        self._pending: list[Pending] = []
        self._now = 0.0
        self._count = 0

    @classmethod
    def resumed(cls, state: State) -> Simulation:
        """Go on where another one stood."""
        made = cls()
        made._now = made._book.advance(state.now)
        made._count = state.count
        for bucket, requests, tokens in state.buckets:
            made._book.load(bucket, requests, tokens)
        for pending in state.pending:
            made._book.hold(pending.entry)
            heappush(made._pending, pending)
        return made

    def state(self) -> State:
        """Everything that a resumed simulation needs."""
        return State(self._now, self._count, self._pending, list(self._book.buckets()))

    def run(
        self, judged: Judged, verdict: Verdict, demand: Demand, generated: int, seconds: float
    ) -> Outcome:
        """Reserve an allowed request, to be settled after `seconds`.

        `generated` are the tokens that it would generate without a clamp. A clamp lowers the
        worst case, and what is generated to no more than it.
        """
        route = verdict.route
        if route is None:
            raise AssertionError("an allowed request has a route")
        now = self._now = max(self._now, judged.time)
        self._settle(now)
        choice = min(
            (each.max_tokens for each in verdict.obligations if isinstance(each, Clamp)),
            default=demand.choice,
        )
        choice = min(choice, demand.choice)
        worst = demand.prompt + choice * demand.n
        charges = [
            Charge(each, worst, demand.prompt) if each.unit == "tokens" else Charge(each, 1)
            for each in verdict.obligations
            if isinstance(each, Limit)
        ]
        account = Account(judged.tenant, judged.principal, route.model, route.version)
        try:
            _, entry = self._book.reserve(account, charges, now)
        except LimitExceeded as full:
            return Outcome(full.code, None)
        usage = None
        if demand.fate != "unused":
            usage = Usage(demand.prompt, min(generated, choice * demand.n))
        self._count += 1
        heappush(self._pending, Pending(now + seconds, self._count, entry, usage))
        return Outcome(None, usage)

    def _settle(self, now: float) -> None:
        """End what ends before `now`."""
        while self._pending and self._pending[0].due <= now:
            pending = heappop(self._pending)
            entry = pending.entry
            reservation = Reservation(entry.id, entry.account, (), entry.time, ())
            if pending.usage is None:
                self._book.release(reservation, pending.due)
            else:
                self._book.settle(reservation, pending.usage, pending.due)

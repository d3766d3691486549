"""A trace through the ledger's own arithmetic, under one side's decisions, on a simulated clock.

A request is reserved at the moment it was made and settled when it took as long as it did. The
books are empty when the trace begins, so what was used before it counts nowhere.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from extauth.errors import LimitExceeded
from extauth.ledger import Counter, Demand, Reservation
from extauth.ledger.book import Book
from extauth.ledger.entry import Opened
from extauth.obligations import Clamp
from extauth.types import Account, Limit, Usage
from extauth.usage.prices import cost, granted_tokens

if TYPE_CHECKING:
    from extauth.assurance.replay.batch import Judged, TokenDemand
    from extauth.policy.verdict import Verdict
    from extauth.settings import Price


_NOTHING = Demand((), Usage(), Usage(), Usage())


class SimulatedOutcome(NamedTuple):
    """The outcome of a request: the limit that refused it, or what it used.

    `queued` is the limit that it would have waited for, and `refused` None then.
    """

    refused: str | None
    usage: Usage | None
    queued: str | None = None


class Pending(msgspec.Struct, frozen=True):
    """A reservation and how it will end. `usage` None gives it back."""

    due: float
    number: int
    entry: Opened
    usage: Usage | None

    def __lt__(self, other: Pending) -> bool:
        return (self.due, self.number) < (other.due, other.number)


class SimulationState(msgspec.Struct):
    """The state of a simulation, for the checkpoint."""

    now: float
    count: int
    pending: list[Pending]
    counters: list[tuple[Counter, list[float]]]


class Simulation:
    """Simulation of one side of a replay. Requests come in the order of time. Not thread-safe."""

    def __init__(self) -> None:
        self._book = Book()
        self._pending: list[Pending] = []
        self._now = 0.0
        self._count = 0

    @classmethod
    def resumed(cls, state: SimulationState) -> Simulation:
        """Return a simulation that goes on where another one stood."""
        made = cls()
        made._now = made._book.advance(state.now)
        made._count = state.count
        for counter, booked in state.counters:
            made._book.load(counter, booked)
        for pending in state.pending:
            made._book.hold(pending.entry)
            heappush(made._pending, pending)
        return made

    def state(self) -> SimulationState:
        """Return everything that a resumed simulation needs."""
        counters = [(counter, list(booked)) for counter, booked in self._book.states()]
        return SimulationState(self._now, self._count, self._pending, counters)

    def run(
        self,
        judged: Judged,
        verdict: Verdict,
        asked: TokenDemand,
        price: Price,
        *,
        generated: int,
        seconds: float,
    ) -> SimulatedOutcome:
        """Reserve an allowed request, to be settled after `seconds`.

        `generated` are the tokens that it would generate without a clamp. A clamp lowers the
        worst case, and what is generated to no more than it. A request that would wait for a
        limit, or be routed elsewhere because of one, goes on without that limit: nobody can tell
        how long it would wait.
        """
        route = verdict.route
        if route is None:
            raise AssertionError("an allowed request has a route")
        now = self._now = max(self._now, judged.time)
        self._settle(now)
        choice = min(
            (each.max_tokens for each in verdict.obligations if isinstance(each, Clamp)),
            default=asked.choice,
        )
        choice, milliseconds = min(choice, asked.choice), int(seconds * 1000)
        limits = tuple(each for each in verdict.obligations if isinstance(each, Limit))

        def using(completion: int) -> Usage:
            price_paid = cost(price, asked.prompt, completion)
            return Usage(asked.prompt, completion, price_paid, milliseconds)

        demand = Demand(limits, using(choice * asked.n), using(min(choice, 1) * asked.n), using(0))
        account = Account(judged.tenant, judged.principal, route.model, route.version)
        queued = None
        while True:
            try:
                reservation, entry = self._book.reserve(account, demand, now)
                break
            except LimitExceeded as full:
                limit = full.limit
                if limit is None or limit.on_exceed not in {"queue", "fallback"}:
                    return SimulatedOutcome(full.code, None)
                queued = queued or (limit.name if limit.on_exceed == "queue" else None)
                rest = tuple(each for each in demand.limits if each is not limit)
                demand = msgspec.structs.replace(demand, limits=rest)
        choice = granted_tokens(
            reservation, price, prompt=asked.prompt, choices=asked.n, most=choice
        )
        usage = None
        if asked.fate != "unused":
            usage = using(min(generated, choice * asked.n))
        self._count += 1
        heappush(self._pending, Pending(now + seconds, self._count, entry, usage))
        return SimulatedOutcome(None, usage, queued)

    def _settle(self, now: float) -> None:
        """End what ends before `now`."""
        while self._pending and self._pending[0].due <= now:
            pending = heappop(self._pending)
            entry = pending.entry
            reservation = Reservation(entry.id, entry.account, _NOTHING, entry.time, (), ())
            if pending.usage is None:
                self._book.release(reservation, pending.due)
            else:
                self._book.settle(reservation, pending.usage, pending.due)

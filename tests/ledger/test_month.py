"""Ten thousand tenants over a month, on a virtual clock, under the policies that ship.

Each decision is the policy's own, each reservation the book's; beside it stands exact arithmetic
that remembers every amount and its time.
"""

from __future__ import annotations

import random
from collections import Counter as Count
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import pytest

from extauth.errors import LimitExceeded
from extauth.facts import Calendar
from extauth.facts.counters import UsageCounters
from extauth.ledger.book import Book
from extauth.ledger.calendar import bounds
from extauth.ledger.ledger import Counter, Demand, Reservation, amounts
from extauth.policy import Entrypoint, open_engine
from extauth.types import Account, CalendarPeriod, Limit, Principal, TokenFacts, Usage
from extauth.usage.prices import cost, price_of
from tests.policy.facts import CHAT

if TYPE_CHECKING:
    from extauth.snapshot import Snapshot

pytestmark = pytest.mark.slow

TENANTS = 10_000
REQUESTS = 12_000
START = 1_790_812_800.0  # the first of October 2026, UTC
MONTH = 31 * 86_400
PROMPT, CHOICE = 20, 480
TIERS = ("free", "free", "free", "premium", "batch")


class Exact:
    """The usage under one limit: every amount with the time of its booking, and held amounts."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.held = 0
        self._booked: list[tuple[float, int]] = []

    def book(self, now: float, amount: int) -> None:
        self._booked.append((now, amount))

    def used(self, now: float, blur: float = 0.0) -> int:
        """Return the usage; with a blur, in a window longer by that share of it."""
        window = self.limit.window
        if isinstance(window, int):
            since = now - window * (1 + blur)
            return self.held + sum(amount for time, amount in self._booked if time > since)
        since = bounds(window, now)[0] if isinstance(window, CalendarPeriod) else 0.0
        return self.held + sum(amount for time, amount in self._booked if time >= since)

    @property
    def counter(self) -> Counter:
        return Counter(self.limit.key, self.limit.unit, self.limit.window)


Running = list[tuple[float, int, Reservation, Usage, list[Exact]]]


def settle(book: Book, running: Running, until: float) -> None:
    """End what ends by then, in the book and in the exact ones."""
    while running and running[0][0] <= until:
        now, _, reservation, used, limits = heappop(running)
        assert book.settle(reservation, used, now) is not None
        held, spent = amounts(reservation.demand.worst), amounts(used)
        for each in limits:
            unit = each.limit.unit
            if unit != "requests":
                each.held -= held[unit]
            if unit not in {"requests", "slots"}:
                each.book(now, spent[unit])


def arrivals(chance: random.Random) -> list[tuple[float, int]]:
    """Most tenants ask now and then, some in bursts that run into their limits."""
    times = [
        (START + chance.uniform(0, MONTH), chance.randrange(TENANTS)) for _ in range(REQUESTS // 2)
    ]
    for burst in range(REQUESTS // 2 // 100):
        begin, tenant = START + chance.uniform(0, MONTH), TENANTS + burst % 25
        times += [(begin + chance.uniform(0, 90), tenant) for _ in range(100)]
    return sorted(times)


async def test_a_month_of_ten_thousand_tenants(snapshot: Snapshot) -> None:
    engine, chance = open_engine(snapshot, None), random.Random(3)  # noqa: S311 - no secrets
    calendar, counters, book = Calendar(ZoneInfo("UTC")), UsageCounters({}), Book()
    chat = snapshot.settings.models["chat"]
    exact: dict[tuple[str, str, object], Exact] = {}
    running: Running = []
    number, outcomes = count(), Count[str]()

    for now, tenant in arrivals(chance):
        settle(book, running, now)
        name = f"t{tenant}"
        principal = Principal(
            f"{name}/one", "api_key", name, TIERS[tenant % len(TIERS)], ("developer",), "eu-west"
        )
        counted = counters.of(principal, "chat")
        facts = msgspec.structs.replace(
            CHAT,
            principal=principal,
            time=calendar(now),
            tokens=TokenFacts(PROMPT, CHOICE),
            usage=counters.facts(principal, "chat", book.usage(counted, now)),
            sensitive={},
        )
        decision = await engine.decide(Entrypoint.INFERENCE, facts)
        if not decision.allow or decision.route is None:
            outcomes[decision.reasons[0].rule] += 1
            continue
        price = price_of(chat, decision.route.version, now)
        limits = tuple(each for each in decision.obligations if isinstance(each, Limit))
        worst = Usage(PROMPT, CHOICE, cost(price, PROMPT, CHOICE), 60_000)
        demand = Demand(limits, worst, worst, Usage(PROMPT), counted)
        books = [
            exact.setdefault((each.key, each.unit, each.window), Exact(each)) for each in limits
        ]
        asked = amounts(worst)
        try:
            account = Account(name, principal.id, "chat", decision.route.version)
            reservation, _ = book.reserve(account, demand, now)
        except LimitExceeded as refused:
            outcomes[refused.code or ""] += 1
            full = next(each for each in books if each.limit.name == refused.code)
            assert full.used(now, 1 / 60 + 1e-6) + asked[full.limit.unit] > full.limit.max
            continue
        outcomes["served"] += 1
        for each in books:
            assert each.used(now) + asked[each.limit.unit] <= each.limit.max
            if each.limit.unit == "requests":
                each.book(now, 1)
            else:
                each.held += asked[each.limit.unit]
            (counts,) = book.usage((each.counter,), now)
            assert each.used(now) <= counts <= each.used(now, 1 / 60 + 1e-6)
        used = Usage(PROMPT, chance.randint(1, CHOICE), chance.randint(1, worst.cost), 100)
        ends = now + chance.uniform(0.1, 20)
        heappush(running, (ends, next(number), reservation, used, books))
    settle(book, running, START + 2 * MONTH)
    await engine.close()

    assert outcomes["served"] > REQUESTS / 2
    assert outcomes["principal-requests"] > 20
    assert outcomes["principal-tokens"] > 20
    assert book.open == 0
    assert book.size < 12 * (TENANTS + 25)

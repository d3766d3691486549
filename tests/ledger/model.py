"""A ledger of any kind against an oracle, which has every booking and its time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from extauth.errors import LimitExceeded
from extauth.ledger import Counter, Demand
from extauth.ledger.calendar import bounds
from extauth.observability.clock import TOLERANCE, grain
from extauth.types import CalendarPeriod, Lifetime, Limit, TokenBucket, Usage
from tests.ledger.contract import ADA, demand, usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger import Ledger, Reservation
    from tests.ledger.contract import Books

DAY = CalendarPeriod("day", "Europe/Berlin")
LIMITS = (
    Limit("requests", "a", "requests", 60, 5),
    Limit("minute", "a", "tokens", 60, 100, warn_at=(50, 100)),
    Limit("clamped", "b", "tokens", 60, 100, on_exceed="clamp"),
    Limit("bucket", "a", "tokens", TokenBucket(10, 60), 150, warn_at=(80,)),
    Limit("day", "a", "tokens", DAY, 400, warn_at=(50,)),
    Limit("ever", "a", "tokens", Lifetime(), 1500, warn_at=(10, 50)),
    Limit("slots", "a", "slots", Lifetime(), 3),
)
COUNTERS = tuple(Counter(limit.key, limit.unit, limit.window) for limit in LIMITS)
LEASE = 30

Step = tuple[object, ...]

parts = st.sampled_from([0.0, 0.2, 0.5, 1.0])
steps = st.one_of(
    st.tuples(
        st.just("reserve"),
        st.integers(0, 1),
        st.integers(1, 70),
        st.sets(st.sampled_from(LIMITS), min_size=1).map(
            lambda chosen: tuple(limit for limit in LIMITS if limit in chosen)
        ),
    ),
    st.tuples(st.just("settle"), st.integers(0, 5), parts),
    st.tuples(st.just("progress"), st.integers(0, 5), parts),
    st.tuples(st.just("release"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from([0.3, 1, 7, 14, 59.5, 61, 3600, 86_400, -30])),
    st.tuples(st.just("die"), st.integers(0, 1)),
    st.tuples(st.just("lapse"), st.integers(0, 1)),
)
programs = st.lists(steps, min_size=4, max_size=40)
HOUR, YEAR = 3600, 365 * 86_400
settings_of_the_clock = st.tuples(
    st.sampled_from(["set_clock", "restart_with_clock_set"]),
    st.sampled_from([2, 70, HOUR, 7 * HOUR + 0.5, 24 * HOUR, YEAR, 40 * YEAR]),
    st.sampled_from([-1, 1]),
)
stepped_programs = st.lists(st.one_of(steps, settings_of_the_clock), min_size=4, max_size=40)
ASK: Step = ("reserve", 0, 30, LIMITS)


class Request:
    """A reservation that its process still knows."""

    def __init__(self, reservation: Reservation, process: int, begun: float) -> None:
        self.reservation = reservation
        self.process = process
        self.begun = begun
        granted = {
            limit.name: amount
            for limit, amount in zip(reservation.demand.limits, reservation.granted, strict=True)
        }
        worst = reservation.demand.worst.total_tokens
        self.held = [
            1 if limit.unit == "slots" else granted.get(limit.name, worst) for limit in LIMITS
        ]
        self.most = min(self.held[1:-1])
        self.known = 0
        self.lapsed = False


class Oracle:
    """Every booking with its time, and everything that is held.

    Its time is steady: the wall clock is `ahead` of it, by all the steps that it made.
    """

    def __init__(self) -> None:
        self.now = self.ahead = 0.0
        self.day = (0.0, 0.0)
        self.requests: list[Request] = []
        self.booked: list[list[tuple[float, int]]] = [[] for _ in LIMITS]

    def book(self, tokens: int) -> None:
        for limit, booked in zip(LIMITS, self.booked, strict=True):
            if limit.unit == "tokens":
                booked.append((self.now, tokens))

    def pass_until(self, wall: float) -> None:
        """Let time pass until the wall clock shows `wall`, unless it is later already."""
        self.now = max(self.now, wall - self.ahead)
        if self.now >= self.day[1]:
            begin, end = bounds(DAY, self.now + self.ahead)
            self.day = (begin - self.ahead, end - self.ahead)

    def step(self, by: float) -> None:
        """Set the wall clock: no time passes, and what counts today goes on as the new today's."""
        self.ahead += by
        _, end = bounds(DAY, self.now + self.ahead)
        self.day = (self.day[0], end - self.ahead)

    def counts(self, place: int, grace: float = 1) -> int:
        """Return the usage under a limit, with rolling windows `grace` times as long."""
        window, booked = LIMITS[place].window, self.booked[place]
        held = sum(each.held[place] for each in self.requests if not each.lapsed)
        if LIMITS[place].unit == "requests":
            held = 0
        match window:
            case TokenBucket(refill=refill, seconds=seconds):
                level, last = 0.0, 0.0
                for time, amount in [*booked, (self.now, 0)]:
                    level = max(0.0, level - (time - last) * refill / seconds) + amount
                    last = time
                return held + math.ceil(level - 1e-6)
            case CalendarPeriod():
                since = self.day[0]
            case Lifetime():
                since = -math.inf
            case _:
                # In a window of 60 s the buckets are of one second.
                since = math.floor(self.now) - window if grace > 1 else self.now - window + 1e-6
        return held + sum(amount for time, amount in booked if time >= since)


class Run:
    """A program on a pair of books."""

    def __init__(self, books: Books, ledgers: list[Ledger]) -> None:
        self.books = books
        self.ledgers = ledgers
        self.oracle = Oracle()

    async def step(self, name: str, *arguments: object) -> None:
        self.oracle.pass_until(self.books.time())
        await getattr(self, name)(*arguments)
        self.oracle.pass_until(self.books.time())
        await self.check()

    async def check(self) -> None:
        """No amount is lost before its time, and none is counted after it."""
        for ledger in self.ledgers:
            found = await ledger.usage(COUNTERS, self.books.time())
            for place, amount in enumerate(found):
                least, most = self.oracle.counts(place), self.oracle.counts(place, 61 / 60)
                assert least <= amount <= most, (LIMITS[place].name, least, amount, most)

    async def reserve(self, process: int, tokens: int, limits: Sequence[Limit]) -> None:
        process %= len(self.ledgers)
        worst, known = Usage(0, tokens), Usage()
        asked = Demand(tuple(limits), worst, usage(min(10, tokens)), known, COUNTERS)
        places = [LIMITS.index(limit) for limit in limits]
        needs = [
            1
            if limit.unit != "tokens"
            else min(10, tokens)
            if limit.on_exceed == "clamp"
            else tokens
            for limit in limits
        ]
        try:
            reservation = await self.ledgers[process].reserve(ADA, asked, self.books.time())
        except LimitExceeded as error:
            refused = error.limit
        else:
            refused = None
        if refused is not None:
            need = needs[limits.index(refused)]
            place = LIMITS.index(refused)
            assert self.oracle.counts(place, 61 / 60) + need > refused.max, "there was room"
            return
        self.oracle.requests.append(Request(reservation, process, self.oracle.now))
        self.oracle.booked[0].append((self.oracle.now, 1))
        for place in places:
            assert self.oracle.counts(place) <= LIMITS[place].max, LIMITS[place].name

    async def settle(self, number: int, part: float) -> None:
        request = self._pick(number, remove=True)
        if request is None:
            return
        spent = max(round(part * request.most), request.known)
        await self._of(request).settle(request.reservation, usage(spent), self.books.time())
        self.oracle.book(spent - request.known if request.lapsed else spent)

    async def progress(self, number: int, part: float) -> None:
        request = self._pick(number)
        if request is None:
            return
        spent = max(round(part * request.most), request.known)
        await self._of(request).progress(request.reservation, usage(spent), self.books.time())
        if not request.lapsed:
            request.known = spent

    async def release(self, number: int) -> None:
        request = self._pick(number, remove=True)
        if request is None:
            return
        await self._of(request).release(request.reservation, self.books.time())
        if not request.lapsed:
            self.oracle.booked[0].remove((request.begun, 1))

    async def wait(self, seconds: float) -> None:
        self.books.time.now += seconds
        for ledger in self.ledgers:
            await beat(ledger, self.books.time())

    async def set_clock(self, seconds: float, direction: int) -> None:
        """Somebody sets the wall clock, and the process notices."""
        by = seconds * direction
        self.books.time.now += by
        self.oracle.step(by)
        self.books.ledger.step(by, self.books.time())

    async def restart_with_clock_set(self, seconds: float, direction: int) -> None:
        """Somebody sets the wall clock between two processes: ahead, and it looks as time does."""
        await beat(self.books.ledger, self.books.time())
        self._lapse(0)
        self.oracle.requests.clear()
        await self.books.close()
        self.books.time.now += seconds * direction
        back = self.books.time() - self.oracle.now - self.oracle.ahead
        if back < -TOLERANCE:
            self.oracle.step(grain(back))
        self.oracle.pass_until(self.books.time())
        await self.books.open()
        self.ledgers[0] = self.books.ledger

    async def die(self, process: int) -> None:
        """The process is gone, and all it knew; the next is told of a lease that has run out."""
        process %= len(self.ledgers)
        self._lapse(process)
        self.oracle.requests = [each for each in self.oracle.requests if each.process != process]
        self.books.ledger = self.ledgers[process]
        await self.books.die()
        self.ledgers[process] = self.books.ledger

    async def lapse(self, process: int) -> None:
        """The process is not heard for longer than its lease, and goes on afterwards."""
        if len(self.ledgers) == 1:
            return
        # A clock that was stepped back stands still until it has caught up.
        self.books.time.now = self.oracle.now
        for _ in range(3):
            self.books.time.now += LEASE / 2 - 1
            await beat(self.ledgers[1 - process], self.books.time())
        self.oracle.pass_until(self.books.time())
        self._lapse(process)
        await beat(self.ledgers[process], self.books.time())

    def _lapse(self, process: int) -> None:
        for request in self.oracle.requests:
            if request.process == process and not request.lapsed:
                request.lapsed = True
                self.oracle.book(request.known)

    def _of(self, request: Request) -> Ledger:
        return self.ledgers[request.process]

    def _pick(self, number: int, *, remove: bool = False) -> Request | None:
        requests = self.oracle.requests
        if not requests:
            return None
        place = number % len(requests)
        return requests.pop(place) if remove else requests[place]


async def beat(ledger: Ledger, now: float) -> None:
    """Let the ledger know the time."""
    await ledger.release(await ledger.reserve(ADA, demand(), now), now)


async def run(books: Books, program: Sequence[Step], *, processes: int) -> None:
    """Run a program on the books of so many processes, and close them."""
    await books.open()
    ledgers = [books.ledger]
    for _ in range(1, processes):
        await books.open()
        ledgers.append(books.ledger)
    running = Run(books, ledgers)
    try:
        for name, *arguments in program:
            await running.step(str(name), *arguments)
    finally:
        for ledger in running.ledgers:
            await ledger.close()

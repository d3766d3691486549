"""The counters of an embedded ledger, in memory. No storage and no waiting."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extauth.errors import LedgerUnavailable
from extauth.ledger.calendar import Period, Wall
from extauth.ledger.entry import (
    Cleared,
    Granted,
    Lost,
    Opened,
    Progressed,
    Released,
    Renamed,
    Settled,
    Stepped,
    renamed,
)
from extauth.ledger.ledger import Counter, Reservation, Standing, amounts, scale
from extauth.ledger.refusal import refusal
from extauth.ledger.shelf import Shelf
from extauth.ledger.threshold import Thresholds
from extauth.ledger.window import window_of
from extauth.observability.clock import grain
from extauth.types import LimitState
from extauth.types.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from extauth.ledger.entry import JournalEntry
    from extauth.ledger.ledger import Demand
    from extauth.ledger.window import Asked, WindowCounter
    from extauth.types import Account, Crossing, Limit, Unit, Usage, Window


class Book:
    """Reserves, settles and releases. Each call is one change, and returns the entry to write down.

    Not thread-safe. Calls take and return unix seconds by the wall clock. The book itself goes by
    time that never goes back, and that `step` keeps apart from the wall clock when it is set;
    entries have this time.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._wall = Wall()
        self._count = 0
        self._open: dict[str, Opened] = {}
        self._known: dict[str, Usage] = {}
        self._counters: Shelf[Counter, WindowCounter] = Shelf(self._window)
        self._kinds: set[tuple[Unit, Window]] = set()
        self._changed: set[Counter] = set()
        self.thresholds = Thresholds(self._wall)

    @property
    def size(self) -> int:
        """Number of counters."""
        return len(self._counters)

    @property
    def now(self) -> float:
        """The time of the last change, by the book's own time."""
        return self._now

    @property
    def wall(self) -> float:
        """The time that the wall clock showed at `now`."""
        return self._now + self._wall.ahead

    @property
    def open(self) -> int:
        """Number of reservations that are neither settled nor released."""
        return len(self._open)

    @property
    def opened(self) -> tuple[Opened, ...]:
        """The open reservations, the oldest first."""
        return tuple(self._open.values())

    def reserve(self, account: Account, demand: Demand, now: float) -> tuple[Reservation, Opened]:
        """Set the worst case aside under all limits, or raise LimitExceeded."""
        now = self.advance(now)
        self._counters.patrol(now)
        worst = amounts(demand.worst)
        least = amounts(demand.least)
        if min(worst.values()) < 0:
            raise LedgerUnavailable("A charge is negative.")
        claims: dict[Counter, int] = {}
        states, granted = [], []
        full = False
        for limit in demand.limits:
            unit, most = limit.unit, limit.max
            counter = Counter(limit.key, unit, limit.window)
            window = self._counters[counter]
            window.asked = _asked(limit.name, most)
            amount, parts = worst[unit], scale(unit)
            left = most * parts - window.used(now)
            if amount > left:
                if limit.on_exceed == "clamp" and least[unit] <= left:
                    amount = left
                elif limit.on_exceed != "warn":
                    full = True
            claims[counter] = min(amount, claims.get(counter, amount))
            granted.append(amount // parts)
            remaining = max(0, left - amount) // parts
            states.append(LimitState(limit, remaining, window.whole_after(now, amount)))
        if full:
            raise refusal(demand, self._counters, now)
        for counter in demand.counters:
            if counter not in claims:
                claims[counter] = worst[counter.unit]

        self._count += 1
        entry = Opened(str(self._count), now, account, list(claims.items()), demand.known)
        self._reserve(entry)
        began = now + self._wall.ahead
        reservation = Reservation(entry.id, account, demand, began, tuple(states), tuple(granted))
        return reservation, entry

    def progress(self, reservation: Reservation, usage: Usage, now: float) -> Progressed | None:
        """Note the usage so far; None if the reservation has already ended."""
        if reservation.id not in self._open:
            return None
        self._known[reservation.id] = usage
        return Progressed(reservation.id, self.advance(now), usage)

    def settle(
        self, reservation: Reservation, usage: Usage, now: float
    ) -> tuple[Settled, tuple[Crossing, ...]] | None:
        """Replace what is held by what was used; None if the reservation has already ended."""
        reserved = self._open.get(reservation.id)
        if reserved is None:
            return None
        entry = Settled(reserved.id, self.advance(now), usage)
        self._end(entry, usage)
        return entry, self._crossings(reservation.demand.limits)

    def release(self, reservation: Reservation, now: float) -> Released | None:
        """Give back what was reserved; None if the reservation has already ended."""
        if reservation.id not in self._open:
            return None
        entry = Released(reservation.id, self.advance(now))
        self._release(entry)
        return entry

    def lose(self, now: float) -> list[Lost]:
        """End every open reservation of a dead process, with the usage known of it."""
        lost = [Lost(key, self.advance(now)) for key in self._open]
        for entry in lost:
            self.apply(entry)
        return lost

    def step(self, by: float, now: float) -> Stepped:
        """Follow the wall clock, which was set by so many seconds and now shows `now`.

        No time has passed by it: what is booked goes on counting as long as before, but what
        counts to the end of a calendar period counts to the end of the one shown now.
        """
        by = grain(by)
        entry = Stepped(max(self._now, now - by - self._wall.ahead), by)
        self.apply(entry)
        return entry

    def apply(self, entry: JournalEntry) -> None:
        """Apply an entry again. The end of a reservation that is not open changes nothing."""
        self._now = max(self._now, entry.time)
        match entry:
            case Granted():
                self._counters[entry.counter].book(-entry.amount, self._now)
                self._changed.add(entry.counter)
                return
            case Cleared():
                for counter, window in self._under(entry.key):
                    window.clear()
                    self._changed.add(counter)
                    self.thresholds.forget(counter)
                return
            case Renamed():
                self._rename(Pseudonyms(entry.names))
                return
            case Stepped():
                self._step(entry.by)
                return
            case Opened():
                self._count = max(self._count, int(entry.id))
                self._reserve(entry)
                return
        reserved = self._open.get(entry.id)
        if reserved is None:
            return
        match entry:
            case Progressed():
                self._known[entry.id] = entry.usage
            case Settled():
                self._end(entry, entry.usage)
            case Released():
                self._release(entry)
            case Lost():
                self._end(entry, self._known.get(entry.id, reserved.known))

    def usage(self, counters: Iterable[Counter], now: float) -> tuple[int, ...]:
        """Return the usage of each counter, held and booked, in whole units."""
        now = self.advance(now)
        get = self._counters.get
        return tuple(
            [
                window.used(now) // scale(counter.unit) if (window := get(counter)) else 0
                for counter in counters
            ]
        )

    def standing(self, key: str, now: float) -> tuple[Standing, ...]:
        """Return the counters under `key`, or with a final `*` under every key with that prefix."""
        now = self.advance(now)
        found = []
        for counter, window in self._under(key):
            parts, (name, most) = scale(counter.unit), window.asked
            used, held = window.used(now), window.held
            after = window.whole_after(now)
            found.append(
                Standing(
                    counter,
                    name,
                    most,
                    (used - held) // parts,
                    held // parts,
                    now + after + self._wall.ahead if after else None,
                )
            )
        return tuple(sorted(found, key=lambda each: str(each.counter)))

    def knows(self, key: str) -> int:
        """Return the number of counters under a key."""
        return len(self._under(key))

    def advance(self, now: float) -> float:
        """Return the book's time of the next change: `now`, or that of the last if it is later."""
        now -= self._wall.ahead
        if now > self._now:
            self._now = now
            return now
        return self._now

    def resume(self, now: float, ahead: float) -> None:
        """Begin an empty book at its own time `now`, with the wall clock so far ahead of it."""
        self._now, self._wall.ahead = now, ahead

    def hold(self, entry: Opened) -> None:
        """Restore a reservation of before a restart. Its request is booked already."""
        self._open[entry.id] = entry
        self._count = max(self._count, int(entry.id))
        for counter, amount in entry.claims:
            if counter.unit != "requests":
                self._counters[counter].held += amount

    def load(self, counter: Counter, state: Sequence[float]) -> None:
        """Restore what was booked in a counter before a restart."""
        self._counters[counter].load(state, self._now)

    def states(self) -> Iterator[tuple[Counter, Sequence[float]]]:
        """Yield the booked state of every counter, as `load` takes it, without held amounts."""
        for counter, window in self._counters.items():
            yield counter, window.state()

    def changes(self) -> list[tuple[Counter, Sequence[float], float]]:
        """Return the counters that changed since the last call: each with its state and idle time.

        An idle counter need not be kept. The time is the book's, infinity for a counter that
        always counts.
        """
        changed = []
        for counter in self._changed:
            window = self._counters.get(counter)
            if window is not None:
                booked = window.used(self._now) - window.held
                after = window.whole_after(self._now, booked)
                idle = float("inf") if after is None else self._now + after
                changed.append((counter, window.state(), idle))
        self._changed.clear()
        return changed

    def _reserve(self, entry: Opened) -> None:
        self._open[entry.id] = entry
        for counter, amount in entry.claims:
            if counter.unit == "requests":
                self._counters[counter].book(amount, entry.time)
                self._changed.add(counter)
            else:
                self._counters[counter].held += amount

    def _end(self, entry: Settled | Lost, usage: Usage) -> None:
        reserved = self._open.pop(entry.id)
        self._known.pop(entry.id, None)
        used = amounts(usage)
        for counter, held in reserved.claims:
            unit = counter.unit
            if unit == "requests":
                continue
            window = self._counters[counter]
            window.held -= held
            if unit != "slots" and (amount := used[unit]):
                window.book(amount, entry.time)
                self._changed.add(counter)

    def _release(self, entry: Released) -> None:
        reserved = self._open.pop(entry.id)
        self._known.pop(entry.id, None)
        for counter, amount in reserved.claims:
            if counter.unit == "requests":
                self._counters[counter].take_back(amount, reserved.time)
                self._changed.add(counter)
            else:
                self._counters[counter].held -= amount

    def _rename(self, pseudonyms: Pseudonyms) -> None:
        for counter in [each for each, _ in self._counters.items()]:
            new = counter._replace(key=pseudonyms.of(counter.key))
            if new == counter:
                continue
            window, other = self._counters[counter], self._counters.get(new)
            if other is None:
                self._counters.rename(counter, new)
            else:
                # The person was erased before and came back: add the two up.
                other.book(window.used(self._now) - window.held, self._now)
                other.held += window.held
                self._counters.drop(counter)
            self.thresholds.rename(counter, new)
            self._changed.discard(counter)
            self._changed.add(new)
        self._open = {key: renamed(entry, pseudonyms) for key, entry in self._open.items()}

    def _step(self, by: float) -> None:
        periods = [
            (counter, window)
            for counter, window in self._counters.items()
            if isinstance(window, Period)
        ]
        for _, period in periods:
            period.used(self._now)
        self._wall.ahead += by
        moved = {counter: period for counter, period in periods if period.step(self._now)}
        self._changed.update(moved)
        self.thresholds.move(
            {counter: period.told_until(self._now) for counter, period in moved.items()}
        )

    def _crossings(self, limits: Sequence[Limit]) -> tuple[Crossing, ...]:
        crossed: list[Crossing] = []
        for limit in limits:
            if limit.warn_at:
                counter = Counter(limit.key, limit.unit, limit.window)
                crossed += self.thresholds.reached(
                    limit, counter, self._counters[counter], self._now
                )
        return tuple(crossed)

    def _under(self, key: str) -> list[tuple[Counter, WindowCounter]]:
        prefix = key.removesuffix("*")
        if prefix != key:
            return [each for each in self._counters.items() if each[0].key.startswith(prefix)]
        # Clients ask for their own keys, and there may be a million others.
        counters = [Counter(key, unit, window) for unit, window in self._kinds]
        return [(each, window) for each in counters if (window := self._counters.get(each))]

    def _window(self, counter: Counter) -> WindowCounter:
        """Make the window of a counter that is not in use yet."""
        window = window_of(counter.window, self._wall)
        self._kinds.add((counter.unit, counter.window))
        return window


@lru_cache(maxsize=4096)
def _asked(name: str, most: int) -> Asked:
    """Return one shared tuple for all counters of a limit: there may be a million."""
    return name, most

"""All windows of an embedded ledger, in memory. No storage, no waiting: one call, one change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.errors import LedgerUnavailable, LimitExceeded, PolicyError
from extauth.ledger.fold import (
    DAY,
    MINUTE,
    Bucket,
    Released,
    Reserved,
    Scope,
    Settled,
    WindowKey,
)
from extauth.ledger.ledger import Charge, Reservation
from extauth.ledger.shelf import Shelf
from extauth.ledger.window import Window
from extauth.types import Counters, LimitState, UsageFacts, Windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extauth.types import Account, Usage

# Nobody knows when a running request ends, only that it ends: ask again soon.
_WHILE_HELD = 1.0
_UNUSED = Windows()


class Owner:
    """What a tenant or a principal has used, over all of its limits."""

    __slots__ = ("day_requests", "day_tokens", "minute_requests", "minute_tokens")

    def __init__(self) -> None:
        self.minute_requests = Window(MINUTE)
        self.minute_tokens = Window(MINUTE)
        self.day_requests = Window(DAY)
        self.day_tokens = Window(DAY)

    def used(self, now: float) -> int:
        """Not 0 while anything counts."""
        return self.day_requests.used(now) + self.day_tokens.used(now)

    def windows(self, now: float) -> Windows:
        """What a policy is told."""
        return Windows(
            Counters(self.minute_requests.used(now), self.minute_tokens.used(now)),
            Counters(self.day_requests.used(now), self.day_tokens.used(now)),
        )

    def buckets(self, scope: Scope) -> Iterator[tuple[Bucket, int, int]]:
        """What is booked, in the order in which it can be loaded."""
        for seconds, requests, tokens in (
            (MINUTE, self.minute_requests, self.minute_tokens),
            (DAY, self.day_requests, self.day_tokens),
        ):
            for number, amount in requests.booked():
                yield Bucket(scope, seconds, number), amount, 0
            for number, amount in tokens.booked():
                yield Bucket(scope, seconds, number), 0, amount

    def reserve(self, tokens: int, now: float) -> None:
        """A request begins that may use so many tokens."""
        self.minute_requests.book(1, now)
        self.day_requests.book(1, now)
        self.minute_tokens.held += tokens
        self.day_tokens.held += tokens

    def settle(self, held: int, tokens: int, now: float) -> None:
        """A request ended: what it held becomes what it used."""
        self.minute_tokens.settle(held, tokens, now)
        self.day_tokens.settle(held, tokens, now)

    def release(self, held: int, reserved: float) -> None:
        """A request that was reserved then has used nothing."""
        self.minute_requests.take_back(1, reserved)
        self.day_requests.take_back(1, reserved)
        self.minute_tokens.held -= held
        self.day_tokens.held -= held


class Book:
    """Reserves, settles and releases, each in one step, and tells what to write down of it."""

    def __init__(self) -> None:
        self._now = 0.0
        self._count = 0
        self._open: dict[str, Reserved] = {}
        self._windows: Shelf[WindowKey, Window] = Shelf(lambda key: Window(key[2]))
        self._tenants: Shelf[str, Owner] = Shelf(lambda _: Owner())
        self._principals: Shelf[str, Owner] = Shelf(lambda _: Owner())
        self._shelves = (self._windows, self._tenants, self._principals)

    @property
    def size(self) -> int:
        """How many counters are kept."""
        return len(self._windows) + len(self._tenants) + len(self._principals)

    @property
    def open(self) -> int:
        """How many reservations are neither settled nor released."""
        return len(self._open)

    def load(self, bucket: Bucket, requests: int, tokens: int) -> None:
        """Count again what was counted before a restart. Buckets come in ascending order."""
        scope, seconds, number = bucket
        if scope.kind == "limit":
            for unit, amount in (("requests", requests), ("tokens", tokens)):
                if amount > 0:
                    self._window((scope.key, unit, seconds)).load(number, amount)
            return
        owners = self._principals if scope.kind == "principal" else self._tenants
        owner = owners.get(scope.key) or owners.add(scope.key)
        minute = seconds == MINUTE
        (owner.minute_requests if minute else owner.day_requests).load(number, requests)
        (owner.minute_tokens if minute else owner.day_tokens).load(number, tokens)

    def buckets(self) -> Iterator[tuple[Bucket, int, int]]:
        """What is booked, as `load` takes it to make an equal book; what is held is not in it."""
        for (key, unit, seconds), window in self._windows.items():
            requests = unit == "requests"
            for number, amount in window.booked():
                bucket = Bucket(Scope("limit", key), seconds, number)
                yield (bucket, amount, 0) if requests else (bucket, 0, amount)
        for name, owner in self._principals.items():
            yield from owner.buckets(Scope("principal", name))
        for name, owner in self._tenants.items():
            yield from owner.buckets(Scope("tenant", name))

    def hold(self, entry: Reserved) -> None:
        """Hold again what was reserved before a restart; its requests are among the buckets."""
        self._open[entry.id] = entry
        self._count = max(self._count, int(entry.id))
        for key, amount in entry.claims:
            if key[1] == "tokens":
                self._window(key).held += amount
        for owner in (self._tenant(entry.account), self._principal(entry.account)):
            owner.minute_tokens.held += entry.tokens
            owner.day_tokens.held += entry.tokens

    def reserve(
        self, account: Account, charges: Sequence[Charge], now: float
    ) -> tuple[Reservation, Reserved]:
        """Set all charges aside, or none and raise LimitExceeded.

        Charges of one counter count once, with the largest amount, under the smallest maximum.
        """
        now = self.advance(now)
        for shelf in self._shelves:
            shelf.patrol(now)
        claims: dict[WindowKey, int] = {}
        for charge in charges:
            limit, amount = charge.limit, charge.amount
            if amount < 0:
                raise LedgerUnavailable("A charge is negative.")
            key: WindowKey = (limit.key, limit.unit, limit.window)
            claims[key] = max(amount, claims.get(key, 0))
        windows = {key: self._windows.get(key) or self._window(key) for key in claims}

        states = []
        full = False
        for charge in charges:
            limit = charge.limit
            key = (limit.key, limit.unit, limit.window)
            window = windows[key]
            left = limit.max - window.used(now) - claims[key]
            full |= left < 0
            states.append(LimitState(limit, left, window.whole_after(now, claims[key])))
        if full:
            raise self._refusal(charges)

        tokens = 0
        for key, amount in claims.items():
            if key[1] == "tokens":
                windows[key].held += amount
                tokens = max(tokens, amount)
            else:
                windows[key].book(amount, now)
        self._tenant(account).reserve(tokens, now)
        self._principal(account).reserve(tokens, now)

        self._count += 1
        number = str(self._count)
        entry = self._open[number] = Reserved(number, now, account, list(claims.items()), tokens)
        return Reservation(number, account, tuple(charges), now, tuple(states)), entry

    def settle(self, reservation: Reservation, usage: Usage, now: float) -> Settled | None:
        """Replace what is held by what was used; None when the reservation has ended before."""
        entry = self._open.pop(reservation.id, None)
        if entry is None:
            return None
        now, total = self.advance(now), usage.total_tokens
        for key, amount in entry.claims:
            if key[1] == "tokens":
                self._window(key).settle(amount, total, now)
        self._tenant(entry.account).settle(entry.tokens, total, now)
        self._principal(entry.account).settle(entry.tokens, total, now)
        return Settled(entry.id, now, usage)

    def release(self, reservation: Reservation, now: float) -> Released | None:
        """Give back what was reserved; None when the reservation has ended before."""
        entry = self._open.pop(reservation.id, None)
        if entry is None:
            return None
        for key, amount in entry.claims:
            if key[1] == "tokens":
                self._window(key).held -= amount
            else:
                self._window(key).take_back(amount, entry.time)
        self._tenant(entry.account).release(entry.tokens, entry.time)
        self._principal(entry.account).release(entry.tokens, entry.time)
        return Released(entry.id, self.advance(now))

    def usage(self, tenant: str, principal: str, now: float) -> UsageFacts:
        """What counts now, held and booked."""
        now = self.advance(now)
        caller, owner = self._principals.get(principal), self._tenants.get(tenant)
        return UsageFacts(
            caller.windows(now) if caller else _UNUSED, owner.windows(now) if owner else _UNUSED
        )

    def advance(self, now: float) -> float:
        """The time of the next change: never before that of the last one."""
        self._now = max(self._now, now)
        return self._now

    def _window(self, key: WindowKey) -> Window:
        window = self._windows.get(key)
        if window is None:
            if key[2] < 1:
                raise PolicyError(f"A limit has a window of {key[2]} seconds.")
            window = self._windows.add(key)
        return window

    def _tenant(self, account: Account) -> Owner:
        key = account.tenant
        return self._tenants.get(key) or self._tenants.add(key)

    def _principal(self, account: Account) -> Owner:
        key = account.principal
        return self._principals.get(key) or self._principals.add(key)

    def _state(self, charge: Charge) -> LimitState:
        limit, now = charge.limit, self._now
        window = self._window((limit.key, limit.unit, limit.window))
        remaining = limit.max - window.used(now)
        return LimitState(limit, max(0, remaining), window.whole_after(now))

    def _refusal(self, charges: Sequence[Charge]) -> LimitExceeded:
        """The error of the charge that has to wait longest, or would wait for ever."""
        longest, refused = -1.0, None
        for charge in charges:
            limit, amount = charge.limit, charge.amount
            if amount > limit.max:
                longest, refused = float("inf"), charge
                break
            window = self._window((limit.key, limit.unit, limit.window))
            excess = window.used(self._now) + amount - limit.max
            if excess > 0:
                wait = window.room_after(excess, self._now)
                wait = _WHILE_HELD if wait is None else wait
                if wait > longest:
                    longest, refused = wait, charge
        if refused is None:
            raise AssertionError("a refusal without a full limit")
        states = tuple([self._state(charge) for charge in charges])
        return LimitExceeded(
            _message(refused, states[charges.index(refused)].remaining),
            code=refused.limit.name,
            retry_after=None if longest == float("inf") else longest,
            states=states,
        )


def _message(charge: Charge, remaining: int) -> str:
    limit = charge.limit
    allowed = f"{limit.max} {limit.unit} in {limit.window} s"
    if charge.amount <= limit.max:
        asked = f"this request needs up to {charge.amount}"
        return f"The limit {limit.name} of {allowed} has {remaining} left, and {asked}."
    if limit.unit == "requests" or charge.fixed >= limit.max:
        needs = charge.fixed if limit.unit == "tokens" and charge.fixed else charge.amount
        what = "this prompt alone has" if needs == charge.fixed else "this request needs"
        return f"The limit {limit.name} allows {allowed}, and {what} {needs}."
    fits = limit.max - charge.fixed
    return (
        f"The limit {limit.name} allows {allowed}, and this request may use {charge.amount}: "
        f"lower max_tokens, over all choices, to at most {fits}."
    )

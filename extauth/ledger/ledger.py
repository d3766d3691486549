"""The ledger's interface.

A counter is everything under one (key, unit, window): limits of different names, or of a `max` that
changed, share it. Requests count from their reservation on, slots only while the request runs. All
other units are held from the reservation to the settlement, and from then on the actual usage
counts. So no window can be overspent: a request's tokens are spent at some time between the two,
and are counted throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from extauth.types import Account, Crossing, Limit, LimitState, Unit, Usage, Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.observability.metrics import Metrics

MILLISECONDS = 1000
"""Seconds are counted in thousandths; a limit's `max` is in whole seconds."""


class Counter(NamedTuple):
    """The identity of a counter."""

    key: str
    unit: Unit
    window: Window


class Demand(msgspec.Struct, frozen=True):
    """A request's usage at most, and the counters that it goes to.

    `worst` is reserved under every limit and counter. A limit whose on_exceed is `clamp` may grant
    less, down to `least`. `known` is counted if the process dies before it reports more. `counters`
    are counted too, without a limit.
    """

    limits: tuple[Limit, ...]
    worst: Usage
    least: Usage
    known: Usage
    counters: tuple[Counter, ...] = ()


class Reservation(msgspec.Struct, frozen=True):
    """A worst case set aside until it is settled or released, whichever comes first.

    `states` are the limits in the demand's order, with this request included. `granted` is what
    each limit holds for it, in the limit's unit: less than the worst case only if it was clamped.
    """

    id: str
    account: Account
    demand: Demand
    time: float
    states: tuple[LimitState, ...]
    granted: tuple[int, ...]


class Standing(msgspec.Struct, frozen=True):
    """A counter for display, in its unit.

    `name` and `max` are those of the limit that was last checked against it, None for a counter
    without a limit. `resets_at` is in unix seconds, None where nothing counts or nothing ever
    leaves.
    """

    counter: Counter
    name: str | None
    max: int | None
    used: int
    held: int
    resets_at: float | None


class Moved(NamedTuple):
    """The result of a rename: `rows` renamed, and `left` requests that still carry an old name."""

    rows: int
    left: int = 0


class Ledger(Protocol):
    """Counts usage, and refuses requests that do not fit. Safe for all tasks of one event loop.

    Every method raises LedgerUnavailable when the ledger can't be used. `now` is in unix seconds,
    read when the method is called; a time before the newest one counts as the newest.
    """

    @property
    def moved(self) -> float:
        """Seconds that the clock was set by while the ledger was closed, 0 if not to be told.

        A negative number: it was set back, and `start` has moved along what is booked.
        """

    @property
    def failure(self) -> str | None:
        """The reason why the ledger can't be used at the moment; None while it can."""

    @property
    def size(self) -> int:
        """Number of counters."""

    @property
    def open(self) -> int:
        """Number of reservations of this process that are neither settled nor released."""

    async def start(self) -> None:
        """Load the counters. Raises StackError when the store can't be used."""

    async def close(self) -> None:
        """Write everything down and close the store."""

    async def reserve(self, account: Account, demand: Demand, now: float) -> Reservation:
        """Set the worst case aside under all limits, or under none.

        Raises LimitExceeded with the limit that has the longest wait: its name as the code, the
        `states` of every limit, and the seconds until there is room as `retry_after`. That is None
        if there never will be room, since the request alone is larger than the limit.
        """

    async def progress(self, reservation: Reservation, usage: Usage, now: float) -> None:
        """Note the usage so far. It is counted if the process dies."""

    async def settle(
        self, reservation: Reservation, usage: Usage, now: float
    ) -> tuple[Crossing, ...]:
        """Replace what was reserved by what was used; durable when it returns.

        The first settle or release of a reservation counts, every later one changes nothing. Usage
        is booked in full, even beyond what was reserved. Cancelling the caller does not undo it.
        Returns the crossed thresholds of `warn_at`.
        """

    async def release(self, reservation: Reservation, now: float) -> None:
        """Give everything back, the request included: nothing was used."""

    async def usage(self, counters: Sequence[Counter], now: float) -> tuple[int, ...]:
        """Return the usage of each counter now, held and booked."""

    async def standing(self, key: str, now: float) -> tuple[Standing, ...]:
        """Return the counters under `key`, or with a final `*` under every key with that prefix."""

    def step(self, by: float, now: float) -> None:
        """Move along what is booked: the clock was set by so many seconds, and shows `now` since.

        No time has passed by it: windows go on where they stood. What is booked in a calendar
        period counts to the end of the one that the clock shows now. Never raises.
        """

    async def reset(self, key: str, now: float) -> int:
        """Forget what is booked under a key, in every unit and window; return how many counters."""

    async def grant(self, counter: Counter, amount: int, now: float) -> None:
        """Allow `amount` more usage in the current window, in the counter's unit."""

    async def rename(self, names: Mapping[str, str], now: float) -> Moved:
        """Replace names in counters, running requests, and lines of the usage report.

        A name is replaced in a counter's key if it is a whole part of it. Counters that then have
        the same key are added up. Afterwards no file of the ledger contains an old name. The `left`
        requests may write it again, to a shared ledger or to other stores: call again once they
        have ended.
        """


def declare(ledger: Ledger, metrics: Metrics) -> None:
    """Have every scrape show the size of the ledger."""
    metrics.gauge(
        "sluice_ledger_counters", "Counters that the ledger has.", lambda: ledger.size, shared=True
    )
    metrics.gauge(
        "sluice_ledger_reservations",
        "Reservations neither settled nor released.",
        lambda: ledger.open,
    )


def amounts(usage: Usage) -> dict[Unit, int]:
    """Return the amounts that a request of this usage takes, by unit; seconds in milliseconds."""
    return {
        "requests": 1,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "tokens": usage.prompt_tokens + usage.completion_tokens,
        "cost": usage.cost,
        "seconds": usage.milliseconds,
        "slots": 1,
    }


def scale(unit: Unit) -> int:
    """Return how many counted parts make one of the unit."""
    return MILLISECONDS if unit == "seconds" else 1

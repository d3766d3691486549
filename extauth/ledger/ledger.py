"""The ledger as the rest of the gateway sees it.

A counter is everything under one (key, unit, window): limits of different names, or a limit whose
`max` changed, count on together. Requests count from the moment they are reserved, slots only
while a request runs; all else is held from the reservation to the settlement, and what was really
used counts from the settlement on. That is the one choice by which no window can be overspent: a
request's tokens are spent at some time between the two, and are counted throughout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from extauth.types import Account, Crossing, Limit, LimitState, Unit, Usage, Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.observability.metrics import Metrics

MILLISECONDS = 1000
"""Seconds are counted in thousandths; a limit's `max` is in whole ones."""


class Counter(NamedTuple):
    """What is counted together."""

    key: str
    unit: Unit
    window: Window


class Demand(msgspec.Struct, frozen=True):
    """What a request may use at most, and where it is counted.

    `worst` is reserved, by unit, under every limit and counter. A limit whose on_exceed is `clamp`
    may grant less, down to `least`. `known` is what counts if the process dies before it can say
    more. `counters` count too, without a limit.
    """

    limits: tuple[Limit, ...]
    worst: Usage
    least: Usage
    known: Usage
    counters: tuple[Counter, ...] = ()


class Reservation(msgspec.Struct, frozen=True):
    """A worst case that is set aside until it is settled or released, whichever comes first.

    `states` are the limits in the order of the demand, this request counted in; `granted` what
    each of them holds for it, in its unit: less than the worst case only where it was clamped.
    """

    id: str
    account: Account
    demand: Demand
    time: float
    states: tuple[LimitState, ...]
    granted: tuple[int, ...]


class Standing(msgspec.Struct, frozen=True):
    """A counter as people want to see it, in its unit.

    `name` and `max` are those of the limit that was last asked of it, None for a counter without
    one. `resets_at` is in unix seconds, None where nothing counts or nothing will ever leave.
    """

    counter: Counter
    name: str | None
    max: int | None
    used: int
    held: int
    resets_at: float | None


class Moved(NamedTuple):
    """How many counters and lines got other names, and how many requests still know old ones."""

    rows: int
    left: int = 0


class Ledger(Protocol):
    """Counts, and refuses what does not fit. Safe for any number of tasks of one event loop.

    Every method raises LedgerUnavailable when nothing can be accounted for. `now` is unix
    seconds; a clock that steps back stands still until it has caught up.
    """

    @property
    def failure(self) -> str | None:
        """Why nothing can be accounted for at the moment."""

    @property
    def size(self) -> int:
        """How many counters are in memory."""

    @property
    def open(self) -> int:
        """How many reservations of this process are neither settled nor released."""

    async def start(self) -> None:
        """Load what was counted before. Raises StackError when the store can't be used."""

    async def close(self) -> None:
        """Write everything down and let go of the store."""

    async def reserve(self, account: Account, demand: Demand, now: float) -> Reservation:
        """Set the worst case aside under all limits, or under none.

        Raises LimitExceeded with the limit that has to wait longest, its name as the code, the
        `states` of every limit, and the seconds until there is room as `retry_after`; None means
        that there never will be, since the request alone is larger than the limit.
        """

    async def progress(self, reservation: Reservation, usage: Usage, now: float) -> None:
        """So much is known to be used by now: it counts if the process dies."""

    async def settle(
        self, reservation: Reservation, usage: Usage, now: float
    ) -> tuple[Crossing, ...]:
        """Replace what was reserved by what was used; durable when it returns.

        The first settle or release of a reservation counts; every other one changes nothing. What
        was used is booked as it is, also beyond what was reserved. Cancelling the caller does not
        undo it. Returns the thresholds of `warn_at` that it reached.
        """

    async def release(self, reservation: Reservation, now: float) -> None:
        """Give everything back, the request too: nothing was used."""

    async def usage(self, counters: Sequence[Counter], now: float) -> tuple[int, ...]:
        """What counts in each now, held and booked."""

    async def standing(self, key: str, now: float) -> tuple[Standing, ...]:
        """Every counter under `key`, or under all keys that begin as it does up to a final `*`."""

    async def reset(self, key: str, now: float) -> int:
        """Forget what is booked under a key, in every unit and window; how many counters."""

    async def grant(self, counter: Counter, amount: int, now: float) -> None:
        """Let that much more be used in the current window, in the counter's unit."""

    async def rename(self, names: Mapping[str, str], now: float) -> Moved:
        """Go on under other names: counters, requests that run, lines of the usage report.

        A name stands in a counter's key as a whole. What counts under both names is added up. The
        old ones are in no file of the ledger afterwards. Requests that are `left` may bring them
        back into a shared one, and into other stores: call again when they have ended.
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
    """What a request of this usage takes, by unit; seconds in milliseconds."""
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
    """How many of what is counted make one of the unit."""
    return MILLISECONDS if unit == "seconds" else 1

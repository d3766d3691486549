"""A demand in the form that the scripts take: counters, limits and amounts as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from extauth.errors import LedgerUnavailable, PolicyError
from extauth.ledger.calendar import bounds
from extauth.ledger.ledger import Counter, amounts, scale
from extauth.types import CalendarPeriod, Lifetime, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger.ledger import Demand
    from extauth.types import Limit, Unit, Usage

MOST = 2**53 - 1
"""Largest integer that Lua's doubles hold exactly. The ledger refuses larger amounts."""

_UNITS: tuple[Unit, ...] = (
    "prompt_tokens",
    "completion_tokens",
    "tokens",
    "cost",
    "seconds",
    "requests",
    "slots",
)
_NUMBERS: dict[Unit, int] = {unit: number for number, unit in enumerate(_UNITS, 1)}

_encode = msgspec.json.Encoder().encode

Spec = list[object]
"""A counter as the scripts take it: name, key, unit, kind of window and its parameters."""


class Claims(NamedTuple):
    """The counters of a demand, each once, and its limits in order, with their counters' places."""

    counters: list[Counter]
    limits: list[tuple[object, ...]]
    worst: list[int]


class Calendars:
    """The bounds of calendar periods near the present.

    The caller does not know the server's time exactly, so the scripts choose the period.
    """

    def __init__(self) -> None:
        self._known: dict[CalendarPeriod, tuple[float, ...]] = {}

    def about(self, period: CalendarPeriod, now: float) -> tuple[float, ...]:
        """Return when the last, this, the next and the following period begin, in unix seconds."""
        known = self._known.get(period)
        if known is None or not known[1] <= now < known[2]:
            begins, ends = bounds(period, now)
            last, following = bounds(period, begins - 1), bounds(period, ends)
            known = self._known[period] = (last[0], begins, ends, following[1])
        return known

    def spec(self, counter: Counter, now: float) -> Spec:
        """Return a counter for a script that runs at about `now`. Raises PolicyError."""
        key, unit, window = counter
        spec: Spec = [_encode(counter).decode(), key, _NUMBERS[unit]]
        match window:
            case TokenBucket(refill=refill, seconds=seconds):
                spec += ("b", refill / seconds)
            case CalendarPeriod():
                spec += ("c", *self.about(window, now))
            case Lifetime():
                spec.append("l")
            case _ if window < 1:
                raise PolicyError(f"A limit has a window of {window} seconds.")
            case _:
                spec += ("r", window)
        return spec


def claims_of(demand: Demand) -> Claims:
    """Return the claims of a demand.

    Raises PolicyError for an invalid limit, LedgerUnavailable for amounts that can't be counted.
    """
    worst, least = vector(demand.worst), vector(demand.least)
    places: dict[Counter, int] = {}
    limits: list[tuple[object, ...]] = []
    for limit in demand.limits:
        counter = _counter(limit)
        place = places.setdefault(counter, len(places) + 1)
        unit = _NUMBERS[limit.unit] - 1
        limits.append((place, limit.name, _most(limit), limit.on_exceed, worst[unit], least[unit]))
    for counter in demand.counters:
        places.setdefault(counter, len(places) + 1)
    return Claims(list(places), limits, worst)


def vector(usage: Usage) -> list[int]:
    """Return a usage's amounts in the order of the scripts' units. Raises LedgerUnavailable."""
    by_unit = amounts(usage)
    numbers = [by_unit[unit] for unit in _UNITS]
    if min(numbers) < 0 or max(numbers) > MOST:
        raise LedgerUnavailable("A charge is negative, or larger than the ledger counts.")
    return numbers


def granted(claims: Claims, answers: Sequence[Sequence[object]]) -> list[int]:
    """Return what each counter holds: the least that its limits granted, or the worst case."""
    held: dict[object, int] = {}
    for limit, answer in zip(claims.limits, answers, strict=True):
        amount = cast("int", answer[2])
        held[limit[0]] = min(amount, held.get(limit[0], amount))
    return [
        held.get(place, claims.worst[_NUMBERS[counter.unit] - 1])
        for place, counter in enumerate(claims.counters, 1)
    ]


def thresholds(
    limits: Sequence[Limit], counters: Sequence[Counter]
) -> list[tuple[Limit, tuple[object, ...]]]:
    """Return the limits with `warn_at`, each in the form that the settling script takes."""
    return [
        (limit, (counters.index(_counter(limit)) + 1, limit.name, _most(limit), limit.warn_at))
        for limit in limits
        if limit.warn_at
    ]


def _counter(limit: Limit) -> Counter:
    return Counter(limit.key, limit.unit, limit.window)


def _most(limit: Limit) -> int:
    most = limit.max * scale(limit.unit)
    if most > MOST:
        raise PolicyError(
            f"The limit {limit.name} allows {limit.max} {limit.unit}: more than the ledger counts."
        )
    return most

"""Replies of the scripts, turned into the ledger's own types."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from extauth.ledger.calendar import bounds
from extauth.ledger.ledger import Counter, Standing, scale
from extauth.ledger.refusal import exceeded
from extauth.types import CalendarPeriod, Crossing, LimitState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.errors import LimitExceeded
    from extauth.ledger.ledger import Demand
    from extauth.types import Limit

Amounts = tuple[int, "float | bool", int, float]
"""A limit's part of a refusal: the usage; the seconds until it is unused again (False: never); the
amount granted or asked for; the seconds that a refused request has to wait (-1: there is room).
"""

_counter = msgspec.json.Decoder(Counter).decode


def states(demand: Demand, answers: Sequence[Sequence[object]]) -> tuple[LimitState, ...]:
    """Return the limits' states, with what was granted included."""
    return tuple(
        [
            _state(limit, cast("int", used) + cast("int", amount), reset)
            for limit, (used, reset, amount) in zip(demand.limits, answers, strict=True)
        ]
    )


def refusal(demand: Demand, answers: Sequence[Sequence[object]]) -> LimitExceeded:
    """Return the error of the limit that has the longest wait."""
    numbers = cast("Sequence[Amounts]", answers)
    states = tuple(
        _state(limit, used, reset)
        for limit, (used, reset, _, _) in zip(demand.limits, numbers, strict=True)
    )
    place = max(range(len(numbers)), key=lambda each: numbers[each][3])
    _, _, asked, wait = numbers[place]
    limit, remaining = demand.limits[place], states[place].remaining
    return exceeded(
        limit, demand, amount=asked, remaining=remaining, wait=float(wait), states=states
    )


def crossing(limit: Limit, percent: int, booked: int, after: object, now: float) -> Crossing:
    """Return a threshold that was crossed."""
    resets_at = None if after is False else now + float(cast("float", after))
    return Crossing(limit, percent, booked // scale(limit.unit), resets_at)


def standing(found: Sequence[object], now: float) -> Standing:
    """Return a counter for display."""
    name, limit, most, booked, held, after = cast(
        "tuple[str, str | bool, int | bool, int, int, float | bool]", found
    )
    counter = _counter(name)
    parts = scale(counter.unit)
    resets_at = now + after if after else None
    if isinstance(counter.window, CalendarPeriod) and (booked or held):
        # The script knows no end for a period in which nothing was booked yet.
        resets_at = bounds(counter.window, now)[1]
    return Standing(
        counter,
        str(limit) if limit is not False else None,
        int(most) // parts if most is not False else None,
        booked // parts,
        held // parts,
        resets_at,
    )


def _state(limit: Limit, used: int, reset: object) -> LimitState:
    parts = scale(limit.unit)
    remaining = max(0, limit.max * parts - used) // parts
    return LimitState(limit, remaining, None if reset is False else float(cast("float", reset)))

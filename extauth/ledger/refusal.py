"""The error for a request that does not fit: the limit, the reason, and the time to wait."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extauth.errors import LimitExceeded
from extauth.ledger.ledger import Counter, amounts, scale
from extauth.types import Lifetime, LimitState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.ledger.ledger import Demand
    from extauth.ledger.window import WindowCounter
    from extauth.types import Limit

# Seconds to wait for a running request, whose end is unknown.
WHILE_HELD = 1.0


def refusal(demand: Demand, counters: Mapping[Counter, WindowCounter], now: float) -> LimitExceeded:
    """Return the error of the limit that has the longest wait."""
    worst, least = amounts(demand.worst), amounts(demand.least)
    longest, refused, asked = -1.0, None, 0
    states = []
    for limit in demand.limits:
        window = counters[Counter(limit.key, limit.unit, limit.window)]
        most = limit.max * scale(limit.unit)
        used = window.used(now)
        remaining = max(0, most - used) // scale(limit.unit)
        states.append(LimitState(limit, remaining, window.whole_after(now)))
        amount = (least if limit.on_exceed == "clamp" else worst)[limit.unit]
        excess = used + amount - most
        if excess <= 0 or limit.on_exceed == "warn":
            continue
        wait = wait_for(limit, amount, excess, window, now)
        if wait > longest:
            longest, refused, asked = wait, limit, amount
    if refused is None:
        raise AssertionError("a refusal without a full limit")
    remaining = states[demand.limits.index(refused)].remaining
    return exceeded(
        refused, demand, amount=asked, remaining=remaining, wait=longest, states=tuple(states)
    )


def wait_for(limit: Limit, amount: int, excess: int, window: WindowCounter, now: float) -> float:
    """Return the seconds until `amount` fits; infinity if it never will."""
    if amount > limit.max * scale(limit.unit):
        return math.inf
    wait = window.room_after(excess, now)
    if wait is not None:
        return wait
    return math.inf if isinstance(limit.window, Lifetime) and not window.held else WHILE_HELD


def exceeded(
    limit: Limit,
    demand: Demand,
    *,
    amount: int,
    remaining: int,
    wait: float,
    states: tuple[LimitState, ...],
) -> LimitExceeded:
    """Return the error of a limit that `amount` fits into only after `wait` seconds, or never."""
    return LimitExceeded(
        _message(limit, demand, -(-amount // scale(limit.unit)), remaining),
        code=limit.name,
        retry_after=None if math.isinf(wait) else wait,
        states=states,
        limit=limit,
    )


def _message(limit: Limit, demand: Demand, amount: int, remaining: int) -> str:
    if amount <= limit.max:
        if limit.unit == "slots":
            return f"The limit {limit.name} of {limit} has none free."
        asked = f"this request needs up to {amount}"
        return f"The limit {limit.name} of {limit} has {remaining} left, and {asked}."
    fixed = amounts(demand.known)[limit.unit] if limit.unit not in {"requests", "slots"} else amount
    if fixed >= limit.max or limit.unit not in {"tokens", "completion_tokens"}:
        what = "this prompt alone has" if fixed == amount > 1 else "this request needs"
        if limit.unit == "tokens" and fixed:
            what, amount = "this prompt alone has", fixed
        return f"The limit {limit.name} allows {limit}, and {what} {amount}."
    return (
        f"The limit {limit.name} allows {limit}, and this request may use {amount}: "
        f"lower max_tokens, over all choices, to at most {limit.max - fixed}."
    )

"""From a finished draft to its reservation: at once, or after a wait in line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from extauth.ledger import Demand
from extauth.types import Usage
from extauth.usage.prices import cost, granted_tokens, price_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from extauth.gateway.runtime import Draft
    from extauth.gateway.transaction import Transaction
    from extauth.ledger import Counter, Reservation
    from extauth.settings import Limits, Price
    from extauth.types import Account, Limit

    Hold = Callable[[float], Awaitable[None]]
    """Tells Envoy that the answer may take so many seconds longer."""

PATIENCE = 1.0
"""Seconds that a request waits in line before `Hold` is called: sooner than anybody gives up."""

GRACE = 5.0
"""Seconds for all else that is to be done once the waiting has an end."""

WAITING = 0.9
"""The share of the time after which Envoy gives a request up that it may spend in line."""


class Reserved(msgspec.Struct, frozen=True):
    """A draft whose worst case is set aside, as its limits have clamped it, and its price."""

    reservation: Reservation
    draft: Draft
    price: Price


async def reserve(
    transaction: Transaction,
    account: Account,
    draft: Draft,
    counters: Sequence[Counter],
    hold: Hold,
) -> Reserved:
    """Set the draft's worst case aside.

    Raises LimitExceeded when it does not fit, and won't within the time that a limit lets it wait.
    What is reserved is known to the transaction, also when this is cancelled.
    """
    settings = transaction.runtime.snapshot.settings
    limits = _bounded(draft.limits, settings.limits)
    if limits is not draft.limits:
        draft = replace(draft, limits=limits)
    price = price_of(settings.models[account.model], account.version, transaction.received)
    wanted = demand(draft, price, settings.limits.request_timeout, counters)

    async def attempt() -> Reservation:
        # A request that waited is reserved, and counts, from the moment it goes on.
        reservation = await transaction.books.ledger.reserve(
            account, wanted, transaction.books.clock()
        )
        transaction.reserved(reservation)
        return reservation

    waits = [limit.queue.max_wait for limit in draft.limits if limit.queue is not None]
    if waits:
        line = transaction.books.room.pass_through(draft.limits, account.tenant, attempt)
        reservation = await _holding(line, hold, max(waits))
    else:
        reservation = await attempt()
    return Reserved(reservation, clamped(draft, reservation, price), price)


def demand(draft: Draft, price: Price, seconds: float, counters: Sequence[Counter]) -> Demand:
    """Return the worst case of the finished draft, at most `seconds` on the backend."""
    prompt, worst = draft.prompt_tokens, draft.completion_tokens
    least = draft.call.parameters.n if worst else 0
    milliseconds = int(seconds * 1000)
    return Demand(
        limits=draft.limits,
        worst=Usage(prompt, worst, cost(price, prompt, worst), milliseconds),
        least=Usage(prompt, least, cost(price, prompt, least), milliseconds),
        known=Usage(prompt, 0, cost(price, prompt, 0), 0),
        counters=tuple(counters),
    )


def clamped(draft: Draft, reservation: Reservation, price: Price) -> Draft:
    """Return the draft within what its limits have granted, where it asked for more."""
    asked = draft.max_tokens
    most = granted_tokens(
        reservation,
        price,
        prompt=draft.prompt_tokens,
        choices=draft.call.parameters.n,
        most=asked,
    )
    return draft if most == asked else draft.bounded(most)


def _bounded(limits: tuple[Limit, ...], most: Limits) -> tuple[Limit, ...]:
    """Bound every wait by Envoy's patience; past it, Envoy gives the request up by itself."""
    patience = WAITING * min(most.request_timeout, most.stream_idle_timeout)
    if all(limit.queue is None or limit.queue.max_wait <= patience for limit in limits):
        return limits
    return tuple(
        [
            replace(limit, queue=replace(limit.queue, max_wait=min(limit.queue.max_wait, patience)))
            if limit.queue
            else limit
            for limit in limits
        ]
    )


async def _holding(
    line: Coroutine[object, object, Reservation], hold: Hold, longest: float
) -> Reservation:
    """Wait in line; Envoy is told when that takes longer than a moment."""
    loop = asyncio.get_running_loop()
    holding: list[asyncio.Future[None]] = []
    timer = loop.call_later(
        PATIENCE, lambda: holding.append(asyncio.ensure_future(hold(longest + GRACE)))
    )
    try:
        return await line
    finally:
        timer.cancel()
        if holding:
            # Nobody else may write until it has.
            await asyncio.gather(*holding, return_exceptions=True)

"""`limit`: what is reserved before the request leaves, and what a clamped one may still use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from extauth.ledger import Demand
from extauth.types import Usage
from extauth.usage.prices import cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger import Counter, Reservation
    from extauth.obligations.draft import Draft
    from extauth.settings import Price
    from extauth.types import Limit

_MILLION = 1_000_000


def limit(obligation: Limit, draft: Draft) -> Draft:
    """Reserve under this limit too."""
    return replace(draft, limits=(*draft.limits, obligation))


def demand(draft: Draft, price: Price, seconds: float, counters: Sequence[Counter]) -> Demand:
    """The worst case of the finished draft, at most `seconds` on the backend."""
    prompt, worst = draft.prompt_tokens, draft.worst_case - draft.prompt_tokens
    least = draft.call.parameters.n if worst else 0
    milliseconds = int(seconds * 1000)
    return Demand(
        limits=draft.limits,
        worst=Usage(prompt, worst, cost(price, prompt, worst), milliseconds),
        least=Usage(prompt, least, cost(price, prompt, least), milliseconds),
        known=Usage(prompt, 0, cost(price, prompt, 0), 0),
        counters=tuple(counters),
    )


def granted_tokens(
    reservation: Reservation, price: Price, *, prompt: int, choices: int, most: int
) -> int:
    """The tokens that each choice may have where it asks for `most`: what limits that clamp left.

    `prompt` are the tokens of the prompt, which are used in any case.
    """
    for limit, granted in zip(reservation.demand.limits, reservation.granted, strict=True):
        if limit.on_exceed != "clamp":
            continue
        match limit.unit:
            case "tokens":
                most = min(most, (granted - prompt) // choices)
            case "completion_tokens":
                most = min(most, granted // choices)
            case "cost" if price.completion:
                left = granted * _MILLION - price.prompt * prompt
                most = min(most, left // (price.completion * choices))
            case _:
                pass
    return most


def clamped(draft: Draft, reservation: Reservation, price: Price) -> Draft:
    """The draft within what its limits have granted, where that is less than it asked for."""
    most = granted_tokens(
        reservation,
        price,
        prompt=draft.prompt_tokens,
        choices=draft.call.parameters.n,
        most=draft.max_tokens,
    )
    return draft if most == draft.max_tokens else draft.bounded(most)

"""Prices: of a model and version at a moment, of a request's tokens, and what a grant buys.

Prices are micro-units of a currency a million tokens; costs are micro-units. All functions are
pure and run for every request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from extauth.settings import DatedPrice, Price

if TYPE_CHECKING:
    from extauth.ledger import Reservation

_MILLION = 1_000_000


class Priced(Protocol):
    """Anything with prices, such as `settings.Model`."""

    @property
    def price(self) -> Price:
        """The price that applies where none of `prices` does."""

    @property
    def prices(self) -> tuple[DatedPrice, ...]:
        """Dated prices, the newest first; on the same date, those for named versions first."""


class Tariff(NamedTuple):
    """A model's prices without the model."""

    price: Price = Price()
    prices: tuple[DatedPrice, ...] = ()


def price_of(model: Priced, version: str, at: float) -> Price:
    """Return the price of a version at `at`, in unix seconds.

    It is the newest dated price that has begun and is for the version, else `model.price`. A model
    without prices is free: other units limit it.
    """
    for dated in model.prices:
        if dated.since <= at and (not dated.versions or version in dated.versions):
            return dated.price
    return model.price


def cost(price: Price, prompt_tokens: int, completion_tokens: int) -> int:
    """Return the micro-units for a request's tokens, rounded up: only a price of 0 is free."""
    return -(-(price.prompt * prompt_tokens + price.completion * completion_tokens) // _MILLION)


def granted_tokens(
    reservation: Reservation, price: Price, *, prompt: int, choices: int, most: int
) -> int:
    """Return the tokens that each choice may have where it asks for `most`, under its limits.

    Less than `most` where a limit that clamps granted less. `prompt` are the tokens of the prompt,
    which are used in any case.
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

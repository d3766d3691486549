"""The price of a request: that of its model and version at a moment, times its tokens.

Prices are micro-units of a currency a million tokens; costs are micro-units. Both functions are
pure and run for every request.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from extauth.settings import DatedPrice, Price

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

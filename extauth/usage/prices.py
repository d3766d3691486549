"""What a request costs: the price of its model and version at a moment, and the sum.

Prices are micro-units of a currency a million tokens, costs are micro-units. Both functions are
pure and on every request's path.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from extauth.settings import DatedPrice, Price

_MILLION = 1_000_000


class Priced(Protocol):
    """What has prices: `settings.Model`, say. `prices` are those with a date, the newest first."""

    @property
    def price(self) -> Price:
        """What holds where none of `prices` does."""

    @property
    def prices(self) -> tuple[DatedPrice, ...]:
        """In the order in which they are looked at: the newest first, then the special first."""


class Tariff(NamedTuple):
    """The prices of a model by themselves."""

    price: Price = Price()
    prices: tuple[DatedPrice, ...] = ()


def price_of(model: Priced, version: str, at: float) -> Price:
    """The price of a version at `at`, in unix seconds.

    The newest whose date has come and that is for the version, else the model's one `price`. A
    model without any is free: the other units limit it.
    """
    for dated in model.prices:
        if dated.since <= at and (not dated.versions or version in dated.versions):
            return dated.price
    return model.price


def cost(price: Price, prompt_tokens: int, completion_tokens: int) -> int:
    """Micro-units for the tokens of one request, rounded up: what isn't free costs something."""
    return -(-(price.prompt * prompt_tokens + price.completion * completion_tokens) // _MILLION)

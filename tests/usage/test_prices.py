"""Prices by model, version and date; costs in micro-units, rounded up."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.settings import DatedPrice, Price
from extauth.usage.prices import Tariff, cost, price_of

ONCE, JANUARY, MARCH = Price(100, 200), Price(300, 400), Price(500, 600)
TARIFF = Tariff(ONCE, (DatedPrice(3000, MARCH, ("2",)), DatedPrice(1000, JANUARY)))


@pytest.mark.parametrize(
    ("version", "at", "price"),
    [
        ("1", 999.9, ONCE),
        ("1", 1000, JANUARY),
        ("1", 5000, JANUARY),
        ("2", 2999.9, JANUARY),
        ("2", 3000, MARCH),
        ("2", 999.9, ONCE),
    ],
)
def test_the_newest_price_for_the_version_holds(version: str, at: float, price: Price) -> None:
    assert price_of(TARIFF, version, at) == price


def test_a_model_without_a_price_is_free() -> None:
    assert cost(price_of(Tariff(), "1", time.time()), 10**9, 10**9) == 0


amounts = st.integers(0, 10**12)


@given(st.builds(Price, amounts, amounts), amounts, amounts)
def test_costs_are_exact_and_rounded_up(price: Price, prompt: int, completion: int) -> None:
    exact = Fraction(price.prompt * prompt + price.completion * completion, 1_000_000)

    assert 0 <= cost(price, prompt, completion) - exact < 1


def test_the_smallest_amount_of_what_is_not_free_costs_something() -> None:
    assert cost(Price(1, 0), 1, 0) == 1

"""`models.<name>.prices`: from which day, for which versions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.replay.tally import Prices
from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.prices import catalog_prices
from extauth.errors import ConfigurationError
from extauth.obligations import Route
from extauth.settings import Price
from extauth.usage.prices import price_of

if TYPE_CHECKING:
    from extauth.settings import Model
    from tests.compiler.conftest import Workspace

FREE = {"prompt": 0, "completion": 0}
PRICES = [
    {"from": "2026-01-01", "prompt": 100, "completion": 200},
    {"from": "2026-03-29", "prompt": 300, "completion": 0},
    {"from": "2026-03-29", "versions": ["2"], "prompt": 500, "completion": 0},
]


def read(workspace: Workspace, prices: object, zone: str = "UTC") -> Model:
    config = workspace.write(
        ("models.echo.price", {"prompt": 7, "completion": 0}),
        ("models.echo.prices", prices),
        ("time_zone", zone),
    )
    return read_configuration(config, Overrides()).settings.models["echo"]


def at(*moment: int) -> float:
    return datetime(*moment, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]  # a star of ints


@pytest.mark.parametrize(
    ("version", "moment", "price"),
    [
        ("1", at(2025, 12, 31, 23, 59, 59), Price(7)),
        ("1", at(2026, 1, 1), Price(100, 200)),
        ("1", at(2026, 3, 29), Price(300)),
        ("2", at(2026, 3, 28, 23), Price(100, 200)),
        ("2", at(2030, 1, 1), Price(500)),
    ],
)
def test_a_price_holds_from_its_day_on(
    workspace: Workspace, version: str, moment: float, price: Price
) -> None:
    assert price_of(read(workspace, PRICES), version, moment) == price


def test_days_begin_in_the_gateways_time_zone(workspace: Workspace) -> None:
    model = read(workspace, PRICES, "Europe/Berlin")

    # The clocks change in that night; midnight is still in winter time.
    assert price_of(model, "1", at(2026, 3, 28, 22, 59, 59)) == Price(100, 200)
    assert price_of(model, "1", at(2026, 3, 28, 23)) == Price(300)


@pytest.mark.parametrize(
    ("prices", "line", "message"),
    [
        ([{"from": "2026-02-30", **FREE}], "2026-02-30", "prices[0].from: there is no day"),
        ([{"from": "0000-01-01", **FREE}], "0000-01-01", "there is no day 0000-01-01"),
        ([{"from": "1.1.2026", **FREE}], "1.1.2026", '"1.1.2026" is not a date such as 2026-01-01'),
        ([FREE], "prompt: 0", "the key from is missing"),
        ([{"from": "2026-01-01", "prompt": 1}], "prompt: 1", "the key completion is missing"),
        ([{"from": "2026-01-01", "completion": 1}], "2026-01-01", "the key prompt is missing"),
        (
            [{"from": "2026-01-01", "versions": ["1", "3"], **FREE}],
            "- '3'",
            "prices[0].versions[1]: there is no version 3; expected one of 1, 2",
        ),
        (
            [{"from": "2026-01-01", **FREE}, {"from": "2026-01-01", **FREE, "prompt": 2}],
            "prompt: 2",
            "prices[1]: the model has another price from 2026-01-01 on",
        ),
        (
            [
                {"from": "2026-01-01", "versions": ["1", "2"], **FREE},
                {"from": "2026-01-01", "versions": ["2"], **FREE, "prompt": 2},
            ],
            "prompt: 2",
            "prices[1]: version 2 has another price from 2026-01-01 on",
        ),
    ],
)
def test_a_wrong_price_is_refused_with_its_line(
    workspace: Workspace, prices: list[object], line: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(workspace, prices)

    assert message in caught.value.message
    # A list's entry begins at its first key.
    assert caught.value.line in {workspace.line(line) - back for back in range(4)}


def test_an_unquoted_date_is_told(workspace: Workspace) -> None:
    config = workspace.write(("models.echo.prices", [{"from": "2026-01-01", **FREE}]))
    config.write_text(config.read_text().replace("'2026-01-01'", "2026-01-01"))

    with pytest.raises(ConfigurationError, match=r"'2026-01-01' is not text.*write it in quotes"):
        read_configuration(config, Overrides())


def test_a_replay_takes_the_same_prices_from_the_policies_data(workspace: Workspace) -> None:
    model = read(workspace, PRICES)
    prices = Prices.of({"echo": catalog_prices(model)})

    found = [
        prices.at(Route("echo", version, "c"), moment)
        for version, moment in (("1", 0.0), ("1", at(2026, 2, 1)), ("2", at(2026, 4, 1)))
    ]

    assert found == [Price(7), Price(100, 200), Price(500)]
    assert prices.at(Route("unknown", "1", "c"), 0.0) == Price()

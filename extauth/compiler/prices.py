"""`models.<name>.prices`: dated prices read, ordered, and as policies' data has them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from extauth.compiler.validation import nearest
from extauth.settings import DatedPrice, Price

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from zoneinfo import ZoneInfo

    from extauth.compiler.fields import Fields
    from extauth.settings import Model


def read_price(entry: Mapping[str, int]) -> Price:
    """Return a price that says both of its parts; the schema has checked that it does."""
    return Price(entry["prompt"], entry["completion"])


def read_prices(
    fields: Fields, place: tuple[str, ...], versions: Collection[str], zone: ZoneInfo
) -> tuple[DatedPrice, ...]:
    """The list at `place` in the order in which `price_of` looks at it; () without one.

    A date begins at midnight in `zone`. Raises ConfigurationError with the line for a date or a
    version that isn't there, and for two prices of one version and date.
    """
    found: list[DatedPrice] = []
    taken: set[tuple[float, str | None]] = set()
    for index, entry in enumerate(fields.at(*place) or ()):
        here: tuple[str | int, ...] = (*place, index)
        try:
            since = datetime.strptime(entry["from"], "%Y-%m-%d").replace(tzinfo=zone).timestamp()
        except (ValueError, OverflowError):
            raise fields.error((*here, "from"), f"there is no day {entry['from']}") from None
        own = entry.get("versions", ())
        for number, version in enumerate(own):
            if version not in versions:
                raise fields.error(
                    (*here, "versions", number),
                    f"there is no version {version}{nearest(version, versions)}",
                )
        for version in own or (None,):
            if (since, version) in taken:
                of = f"version {version}" if version else "the model"
                raise fields.error(here, f"{of} has another price from {entry['from']} on")
            taken.add((since, version))
        found.append(DatedPrice(since, read_price(entry), tuple(own)))
    return tuple(sorted(found, key=lambda each: (-each.since, not each.versions)))


def catalog_prices(model: Model) -> dict[str, Any]:
    """Return a model's prices for `data.catalog.models`; `prices` only where there are some."""
    price = model.price
    told: dict[str, Any] = {"price": {"prompt": price.prompt, "completion": price.completion}}
    if model.prices:
        told["prices"] = [
            {
                "from": int(dated.since),
                "versions": list(dated.versions),
                "prompt": dated.price.prompt,
                "completion": dated.price.completion,
            }
            for dated in model.prices
        ]
    return told

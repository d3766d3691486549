"""Sizes and durations as people write them."""

from __future__ import annotations

import re

_SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_DURATIONS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]+)")


def size(text: str) -> int:
    """Bytes: `32KiB` is 32768. The schema has checked the form."""
    number, unit = _split(text)
    return int(number * _SIZES[unit])


def duration(text: str) -> float:
    """Seconds: `250ms` is 0.25. The schema has checked the form."""
    number, unit = _split(text)
    return number * _DURATIONS[unit]


def _split(text: str) -> tuple[float, str]:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return float(match[1]), match[2]

"""A share of traffic as people write it on a command line."""

from __future__ import annotations

import re
from typing import Annotated

import typer

_HUNDREDTHS = 100
_MOST = 10_000


def hundredths(text: str) -> int:
    """`10%` or `0.5%` in hundredths of a percent."""
    match = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,2}))?\s?%", text)
    amount = int(match[1]) * _HUNDREDTHS + int((match[2] or "0").ljust(2, "0")) if match else 0
    if not 0 < amount <= _MOST:
        raise typer.BadParameter(f"{text} is not a share like 5%, from 0.01% to 100%")
    return amount


ShareOption = Annotated[
    str, typer.Option("--share", metavar="SHARE", help="Of what: 5% or 0.5%, say.")
]

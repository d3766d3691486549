"""A share as people write it."""

from __future__ import annotations

import pytest
import typer

from extauth.cli.terminal.values import hundredths


@pytest.mark.parametrize(
    ("text", "share"),
    [("5%", 500), ("0.5%", 50), ("0.01%", 1), ("12.34%", 1234), ("100%", 10_000), ("5 %", 500)],
)
def test_a_share_is_a_percentage(text: str, share: int) -> None:
    assert hundredths(text) == share


@pytest.mark.parametrize("text", ["", "5", "0%", "100.01%", "101%", "-1%", "0.001%", "half", "5%%"])
def test_nothing_else_is(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        hundredths(text)

"""Cards in the ranges that the networks and their processors use for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stdnum import luhn

from extauth.content.privacy.stand_in.draw import bare, laid_out

if TYPE_CHECKING:
    from extauth.content.privacy.stand_in.draw import Draw

# How a number begins and how its brand's test numbers do; the first that fits.
_TESTS = (
    ("4", "400000"),
    ("2", "222300"),
    ("34", "378282"),
    ("37", "378282"),
    ("35", "353011"),
    ("30", "305693"),
    ("3", "361489"),
    *((f"5{digit}", "555555") for digit in "12345"),
    ("60", "601111"),
    ("62", "620000"),
    ("64", "601111"),
    ("65", "601111"),
    ("", "675964"),
)


def card(text: str, draw: Draw) -> str:
    """A test number of the same brand and length, with a valid Luhn digit."""
    digits = bare(text)
    if not 13 <= len(digits) <= 19:
        return draw.like(text)
    issuer = next(test for begins, test in _TESTS if digits.startswith(begins))
    number = issuer + draw.digits(len(digits) - len(issuer) - 1)
    return laid_out(number + luhn.calc_check_digit(number), text)

"""Stand-ins for payment cards and IBANs: test numbers, and accounts at no existing bank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stdnum import iban as ibans
from stdnum import luhn
from stdnum.es import ccc

from extauth.content.privacy.stand_in.draw import bare, laid_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.content.privacy.stand_in.draw import Draw

# Beginnings of numbers, and of their brand's test numbers. The first that fits is used.
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

_BANK = 4
_SHORTEST = 15


def card(text: str, draw: Draw) -> str:
    """Return a test number of the same brand and length, with a valid Luhn digit."""
    digits = bare(text)
    if not 13 <= len(digits) <= 19:
        return draw.like(text)
    issuer = next(test for begins, test in _TESTS if digits.startswith(begins))
    number = issuer + draw.digits(len(digits) - len(issuer) - 1)
    return laid_out(number + luhn.calc_check_digit(number), text)


def iban(text: str, draw: Draw) -> str:
    """Return one of the same country and length at bank 0000 or XXXX, with valid check digits."""
    number = bare(text)
    if len(number) < _SHORTEST or not number.isascii():
        return draw.like(text)
    country, account = number[:2], number[4:]
    bank = "".join("0" if char.isdigit() else "X" for char in account[:_BANK])
    account = bank + draw.like(account[_BANK:])
    checked = _NATIONAL.get(country)
    if checked is not None:
        account = checked(account)
    digits = ibans.calc_check_digits(f"{country}00{account}")
    return laid_out(country + digits + account, text)


def _belgian(account: str) -> str:
    return f"{account[:10]}{int(account[:10]) % 97 or 97:02}"


def _norwegian(account: str) -> str:
    # Accounts at bank 0000 were the post office's; their last digit is a Luhn digit.
    return account[:10] + luhn.calc_check_digit(account[4:10])


def _spanish(account: str) -> str:
    return account[:8] + ccc.calc_check_digits(account) + account[10:]


_NATIONAL: dict[str, Callable[[str], str]] = {
    "BE": _belgian,
    "ES": _spanish,
    "NO": _norwegian,
}

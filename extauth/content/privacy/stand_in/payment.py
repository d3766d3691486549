"""Account numbers at banks that there are none of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stdnum import iban as ibans
from stdnum import luhn
from stdnum.es import ccc

from extauth.content.privacy.stand_in.draw import bare, laid_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.content.privacy.stand_in.draw import Draw

_BANK = 4
_SHORTEST = 15


def iban(text: str, draw: Draw) -> str:
    """One of the same country and length at bank 0000 or XXXX, its check digits valid."""
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
    # Those at bank 0000 were the post office's, whose last digit is Luhn's.
    return account[:10] + luhn.calc_check_digit(account[4:10])


def _spanish(account: str) -> str:
    return account[:8] + ccc.calc_check_digits(account) + account[10:]


_NATIONAL: dict[str, Callable[[str], str]] = {
    "BE": _belgian,
    "ES": _spanish,
    "NO": _norwegian,
}

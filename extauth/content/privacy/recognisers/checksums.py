"""Checks of numbers that python-stdnum does not have, after the issuers' own descriptions."""

from __future__ import annotations

import re
from itertools import cycle
from typing import Final

from stdnum import luhn
from stdnum.br import cpf
from stdnum.hu import anum
from stdnum.iso7064 import mod_11_2

_SEPARATORS: Final = str.maketrans("", "", " .-/")
_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_SSN = re.compile(r"(?!000|666|9)\d{3}(?!00)\d\d(?!0000)\d{4}")
# The prefixes that are issued: HMRC, NIM39110.
_MEMBERS: Final = (
    "AT BE BG CY CZ DE DK EE EL ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI"
)
_GERMAN: Final = frozenset("CFGHJKLMNPRTVWXYZ0123456789")
_NINO = re.compile(
    r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]", re.IGNORECASE
)
# DVLA: five letters of the surname, the date of birth, for women with 50 more in the month.
_DVLA = re.compile(
    r"[A-Z]{1,5}9{0,4}(?<=^.{5})\d(?:[05][1-9]|[16][0-2])(?:0[1-9]|[12]\d|3[01])\d"
    r"[A-Z9]{2}[A-Z0-9][A-Z]{2}",
    re.IGNORECASE,
)


def _bare(written: str) -> str:
    return written.translate(_SEPARATORS).upper()


def plain_digits(written: str) -> bool:
    """Check that the digits are neither one digit repeated nor a date."""
    value = _bare(written)
    return len(set(value)) > 1 and _DATE.fullmatch(value) is None


def document_number(written: str) -> bool:
    """Check that it can be a document's number: not one character repeated, and not a word."""
    value = _bare(written)
    return len(set(value)) > 1 and sum(char.isdigit() for char in value) >= _FEWEST_DIGITS


_FEWEST_DIGITS: Final = 3


def social_security(written: str) -> bool:
    """Check a US social security number: one that can be issued."""
    return _SSN.fullmatch(_bare(written)) is not None


def british_insurance(written: str) -> bool:
    """Check a British national insurance number."""
    return _NINO.fullmatch(_bare(written)) is not None


def british_like(written: str) -> bool:
    """Check the suffix of a British national insurance number, whatever its prefix."""
    return not _bare(written).endswith(tuple("EFGHIJKLNOPQRSUVWXYZ"))


def european_vat(written: str) -> bool:
    """Check the country of a VAT number: a member of the European Union."""
    return _bare(written)[:2] in _MEMBERS.split()


def chinese(written: str) -> bool:
    """Check a Chinese resident identity number (GB 11643), without the list of counties."""
    value = _bare(written)
    return _DATE.fullmatch(value[6:14]) is not None and mod_11_2.is_valid(value)


def korean(written: str) -> bool:
    """Check a South Korean resident registration number, which since 2020 has no checksum."""
    value = _bare(written)
    century = {"1": "19", "2": "19", "5": "19", "6": "19"}.get(value[6], "20")
    return value[6] in "12345678" and _DATE.fullmatch(century + value[:6]) is not None


def british_licence(written: str) -> bool:
    """Check a British driving licence number."""
    return _DVLA.fullmatch(_bare(written)) is not None


def _value(char: str) -> int:
    """Return the value of a digit or letter in ICAO 9303."""
    return int(char, 36) if char != "<" else 0


def icao_digit(value: str) -> str:
    """Return the check digit of a field of a travel document (ICAO 9303, part 3)."""
    weighted = zip(map(_value, value), cycle((7, 3, 1)), strict=False)
    return str(sum(one * weight for one, weight in weighted) % 10)


def german_id_card(written: str) -> bool:
    """Check the number of a German identity card, followed by its check digit."""
    value = _bare(written)
    return german_id_serial(value[:-1]) and icao_digit(value[:-1]) == value[-1]


def german_id_serial(written: str) -> bool:
    """Check the characters of the number of a German identity card."""
    value = _bare(written)
    return value[0] in "LMNPRTVWXYZ" and _GERMAN.issuperset(value)


def german_pension(written: str) -> bool:
    """Check a German Versicherungsnummer (SGB VI, section 147; VKVV, section 4)."""
    value = _bare(written)
    digits = value[:8] + f"{ord(value[8]) - ord('A') + 1:02}" + value[9:]
    weighted = zip(digits[:-1], (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    products = (int(digit) * weight for digit, weight in weighted)
    month = int(value[4:6]) <= 12
    return month and sum(one // 10 + one % 10 for one in products) % 10 == int(digits[-1])


def russian_insurance(written: str) -> bool:
    """Check a СНИЛС of the Russian Pension Fund."""
    value = _bare(written)
    check = sum(
        int(digit) * weight for digit, weight in zip(value[:9], range(9, 0, -1), strict=True)
    )
    return value[:9] != "000000000" and check % 101 % 100 == int(value[9:])


def taiwanese(written: str) -> bool:
    """Check the number of a Taiwanese identity card or residence certificate."""
    value = _bare(written)
    area = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(value[0]) + 10
    weighted = zip(value[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)
    total = area // 10 + area % 10 * 9 + sum(int(digit) * weight for digit, weight in weighted)
    return value[1] in "1289" and total % 10 == 0


def singaporean(written: str) -> bool:
    """Check a Singaporean NRIC or FIN."""
    value = _bare(written)
    kind = value[0]
    if kind not in "STFGM":
        return False
    weighted = zip(value[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True)
    total = sum(int(digit) * weight for digit, weight in weighted)
    total += {"T": 4, "G": 4, "M": 3}.get(kind, 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "XWUTRQPNJLK"}.get(kind, "XWUTRQPNMLK")
    at = total % 11
    return letters[10 - at if kind == "M" else at] == value[8]


def australian_medicare(written: str) -> bool:
    """Check the number of an Australian Medicare card."""
    value = _bare(written)
    weighted = zip(value[:8], (1, 3, 7, 9, 1, 3, 7, 9), strict=True)
    total = sum(int(digit) * weight for digit, weight in weighted)
    return value[0] in "23456" and total % 10 == int(value[8])


def belgian_account(written: str) -> bool:
    """Check a Belgian account number from before IBAN."""
    value = _bare(written)
    return int(value[:10]) > 0 and (int(value[:10]) % 97 or 97) == int(value[10:])


def polish_account(written: str) -> bool:
    """Check a Polish NRB, which is an IBAN without its country."""
    value = _bare(written)
    return int(value[2:] + "2521" + value[:2]) % 97 == 1


def hungarian_account(written: str) -> bool:
    """Check a Hungarian account number: bank and branch, then account, each with a check digit."""
    value = _bare(written)
    parts = (value[:8], value[8:])
    return int(value[8:]) > 0 and all(
        sum(int(digit) * weight for digit, weight in zip(part, cycle((9, 7, 3, 1)), strict=False))
        % 10
        == 0
        for part in parts
    )


def hungarian_tax(written: str) -> bool:
    """Check a Hungarian adószám: the checked number, then the VAT code and the county."""
    value = _bare(written)
    return anum.is_valid(value[:8]) and value[8] in "12345"


def swedish_giro(written: str) -> bool:
    """Check a Swedish bankgiro or plusgiro number."""
    return luhn.is_valid(_bare(written))


def clabe(written: str) -> bool:
    """Check a Mexican CLABE."""
    value = _bare(written)
    weighted = zip(value[:17], cycle((3, 7, 1)), strict=False)
    total = sum(int(digit) * weight % 10 for digit, weight in weighted)
    return -total % 10 == int(value[17])


def brazilian_licence(written: str) -> bool:
    """Check the registration number of a Brazilian driving licence."""
    value = _bare(written)
    if len(set(value)) == 1 or cpf.is_valid(value):
        return False
    first = (
        sum(int(digit) * weight for digit, weight in zip(value[:9], range(9, 0, -1), strict=True))
        % 11
    )
    carried = 2 if first >= 10 else 0
    second = (
        sum(int(digit) * weight for digit, weight in zip(value[:9], range(1, 10), strict=True)) % 11
    )
    first = 0 if first >= 10 else first
    second = 0 if second >= 10 else second - carried
    return value[9:] == f"{first}{second % 11}"

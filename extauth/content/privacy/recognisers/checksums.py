"""Checks of numbers that python-stdnum has none of, each after the issuer's own description."""

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
# HMRC, NIM39110: which prefixes are given out.
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
    """Whether it is neither one digit over and over nor a date."""
    value = _bare(written)
    return len(set(value)) > 1 and _DATE.fullmatch(value) is None


def document_number(written: str) -> bool:
    """Whether it can be a document's number: not one character over and over, not a word."""
    value = _bare(written)
    return len(set(value)) > 1 and sum(char.isdigit() for char in value) >= _FEWEST_DIGITS


_FEWEST_DIGITS: Final = 3


def social_security(written: str) -> bool:
    """A number of the American Social Security Administration that can be given out."""
    return _SSN.fullmatch(_bare(written)) is not None


def british_insurance(written: str) -> bool:
    """A British national insurance number."""
    return _NINO.fullmatch(_bare(written)) is not None


def british_like(written: str) -> bool:
    """What has the form of a British national insurance number, whatever its prefix."""
    return not _bare(written).endswith(tuple("EFGHIJKLNOPQRSUVWXYZ"))


def european_vat(written: str) -> bool:
    """A VAT number of a member of the European Union, by its country alone."""
    return _bare(written)[:2] in _MEMBERS.split()


def chinese(written: str) -> bool:
    """A Chinese resident identity number: GB 11643, without a look at the list of counties."""
    value = _bare(written)
    return _DATE.fullmatch(value[6:14]) is not None and mod_11_2.is_valid(value)


def korean(written: str) -> bool:
    """A South Korean resident registration number, which since 2020 has no checksum."""
    value = _bare(written)
    century = {"1": "19", "2": "19", "5": "19", "6": "19"}.get(value[6], "20")
    return value[6] in "12345678" and _DATE.fullmatch(century + value[:6]) is not None


def british_licence(written: str) -> bool:
    """A British driving licence number."""
    return _DVLA.fullmatch(_bare(written)) is not None


def _value(char: str) -> int:
    """What a digit or letter counts in ICAO 9303."""
    return int(char, 36) if char != "<" else 0


def icao_digit(value: str) -> str:
    """The check digit of a field of a machine-readable travel document (ICAO 9303, part 3)."""
    weighted = zip(map(_value, value), cycle((7, 3, 1)), strict=False)
    return str(sum(one * weight for one, weight in weighted) % 10)


def german_id_card(written: str) -> bool:
    """The number of a German identity card with its check digit behind it."""
    value = _bare(written)
    return german_id_serial(value[:-1]) and icao_digit(value[:-1]) == value[-1]


def german_id_serial(written: str) -> bool:
    """The number of a German identity card, in the characters that these have."""
    value = _bare(written)
    return value[0] in "LMNPRTVWXYZ" and _GERMAN.issuperset(value)


def german_pension(written: str) -> bool:
    """A German Versicherungsnummer (SGB VI, section 147; VKVV, section 4)."""
    value = _bare(written)
    digits = value[:8] + f"{ord(value[8]) - ord('A') + 1:02}" + value[9:]
    weighted = zip(digits[:-1], (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    products = (int(digit) * weight for digit, weight in weighted)
    month = int(value[4:6]) <= 12
    return month and sum(one // 10 + one % 10 for one in products) % 10 == int(digits[-1])


def russian_insurance(written: str) -> bool:
    """A СНИЛС of the Russian Pension Fund."""
    value = _bare(written)
    check = sum(
        int(digit) * weight for digit, weight in zip(value[:9], range(9, 0, -1), strict=True)
    )
    return value[:9] != "000000000" and check % 101 % 100 == int(value[9:])


def taiwanese(written: str) -> bool:
    """A number of a Taiwanese identity card or residence certificate."""
    value = _bare(written)
    area = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(value[0]) + 10
    weighted = zip(value[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)
    total = area // 10 + area % 10 * 9 + sum(int(digit) * weight for digit, weight in weighted)
    return value[1] in "1289" and total % 10 == 0


def singaporean(written: str) -> bool:
    """A Singaporean NRIC or FIN."""
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
    """The number of an Australian Medicare card."""
    value = _bare(written)
    weighted = zip(value[:8], (1, 3, 7, 9, 1, 3, 7, 9), strict=True)
    total = sum(int(digit) * weight for digit, weight in weighted)
    return value[0] in "23456" and total % 10 == int(value[8])


def belgian_account(written: str) -> bool:
    """A Belgian account number of before IBAN."""
    value = _bare(written)
    return int(value[:10]) > 0 and (int(value[:10]) % 97 or 97) == int(value[10:])


def polish_account(written: str) -> bool:
    """A Polish NRB, which is an IBAN without its country."""
    value = _bare(written)
    return int(value[2:] + "2521" + value[:2]) % 97 == 1


def hungarian_account(written: str) -> bool:
    """A Hungarian account number: bank and branch, then the account, each with its check digit."""
    value = _bare(written)
    parts = (value[:8], value[8:])
    return int(value[8:]) > 0 and all(
        sum(int(digit) * weight for digit, weight in zip(part, cycle((9, 7, 3, 1)), strict=False))
        % 10
        == 0
        for part in parts
    )


def hungarian_tax(written: str) -> bool:
    """A Hungarian adószám; behind the checked number come the VAT code and the county."""
    value = _bare(written)
    return anum.is_valid(value[:8]) and value[8] in "12345"


def swedish_giro(written: str) -> bool:
    """A Swedish bankgiro or plusgiro number."""
    return luhn.is_valid(_bare(written))


def clabe(written: str) -> bool:
    """A Mexican CLABE."""
    value = _bare(written)
    weighted = zip(value[:17], cycle((3, 7, 1)), strict=False)
    total = sum(int(digit) * weight % 10 for digit, weight in weighted)
    return -total % 10 == int(value[17])


def brazilian_licence(written: str) -> bool:
    """The registration number of a Brazilian driving licence."""
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

"""Stand-ins for telephone numbers: numbers that regulators reserve for films and books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.privacy.stand_in.draw import DIGITS

if TYPE_CHECKING:
    from extauth.content.privacy.stand_in.draw import Draw

# Reserved national numbers, with # for any digit: NANPA's 555-0100 to 555-0199, and the numbers of
# Ofcom, ARCEP and ACMA for use in drama.
_AMERICAN = tuple(
    f"{area}55501##" for area in (202, 212, 303, 312, 404, 415, 503, 512, 602, 617, 702, 808)
)
_BRITISH = (
    *("2079460###", "1632960###", "1134960###", "1144960###", "1154960###", "1164960###"),
    *("1174960###", "1184960###", "1214960###", "1314960###", "1414960###", "1514960###"),
    *("1614960###", "1914980###", "2920180###", "2896496###"),
)
_BRITISH_MOBILE = ("7700900###",)
_FRENCH = ("19900####", "26191####", "35301####", "46571####", "53649####")
_FRENCH_MOBILE = ("63998####",)
_AUSTRALIAN = ("25550####", "35550####", "75550####", "85550####", "27010####", "37010####")

_CODES = ("1", "44", "33", "61")


def phone(text: str, draw: Draw) -> str:
    """Return a reserved number of the same country, or one of the same shape if it reserves none.

    In the latter, the country code and what follows it stay, together at most half of the digits.
    """
    digits = "".join(char for char in text if char in DIGITS)
    before, country, national = _parts(text, digits)
    forms = _reserved(country, national)
    if forms:
        form = draw.one_of(forms)
        digits = before + "".join(draw.one_of(DIGITS) if char == "#" else char for char in form)
    else:
        digits = digits[: min(len(before) + 4, len(digits) // 2)]
    given = iter(digits)
    # Digits beyond the number, such as an extension, are drawn.
    return "".join(
        next(given, None) or draw.one_of(DIGITS) if char in DIGITS else char for char in text
    )


def _parts(text: str, digits: str) -> tuple[str, str, str]:
    """Return the prefix before the national number, the country code if known, and the number."""
    before = "" if text.lstrip(" (").startswith("+") else "00"
    if digits.startswith(before):
        rest = digits[len(before) :]
        country = next((code for code in _CODES if rest.startswith(code)), "")
        # As in +44 (0)20.
        before += country + "0" * rest[len(country) :].startswith("0")
        return before, country, digits[len(before) :]
    if digits.startswith("0"):
        return "0", {10: "33", 11: "44"}.get(len(digits), ""), digits[1:]
    if len(digits) == 11 and digits.startswith("1"):
        return "1", "1", digits[1:]
    return "", "1" if len(digits) == 10 else "", digits


def _reserved(country: str, national: str) -> tuple[str, ...]:
    """Return the forms to draw from; none if the country has none or the number is too short."""
    length = len(national)
    if country == "1" and length >= 10:
        return _AMERICAN
    if country == "44" and length >= 10:
        return _BRITISH_MOBILE if national.startswith("7") else _BRITISH
    if country == "33" and length >= 9:
        return _FRENCH_MOBILE if national[0] in "67" else _FRENCH
    if country == "61" and length >= 9:
        return _AUSTRALIAN
    return ()

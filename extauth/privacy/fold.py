"""Unicode in the way of recognisers: full-width digits, zero-width characters, odd spaces.

Folding gives one byte a character, or none for what can't be seen, so that recognisers are byte
patterns and an offset stays an offset. Never shown to anybody: only spans come of it.
"""

from __future__ import annotations

import codecs
import unicodedata

LETTER = 0xE9
"""Stands for a letter of a script with cases (é, я, ω): part of a word and of an address."""

_OTHER = 0x1F
_SPARSE = 16
_LAST_WITH_FORMS = 0x1FFFF

# Default_Ignorable_Code_Point of the Unicode Character Database, DerivedCoreProperties.txt.
_IGNORABLE = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3)),
    *((0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
_IGNORED_CATEGORIES = frozenset({"Mn", "Me"})
_CASED = frozenset({"Lu", "Ll", "Lt"})
# IDNA (RFC 3490, section 3.1) reads the ideographic full stops as dots; U+2212 is the minus sign.
_ALIKE = {0x3002: ord("."), 0xFF61: ord("."), 0x2212: ord("-"), 0x2028: 0x0A, 0x2029: 0x0A}
_BY_CATEGORY = {"Pd": ord("-"), "Zs": ord(" ")}


class _Table(dict[int, int | None]):
    """From code point to byte, None to drop; filled as characters turn up, 130,000 at most."""

    def __missing__(self, code: int) -> int | None:
        if code > _LAST_WITH_FORMS:
            return None if _ignorable(code) else _OTHER
        self[code] = byte = _byte(code)
        return byte


def fold(text: str) -> bytes:
    """One byte for each character of `text` that can be seen.

    ASCII stays itself. Digits of any script, full-width and mathematical forms, spaces and dashes
    become their ASCII counterparts, letters with cases `LETTER`, all else a control character.
    Lone surrogates are all else: nothing raises. The result is as long as the text if and only if
    no character was dropped.
    """
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    # The codec copies ASCII in C but pays a call for every run of other characters.
    if foreign * _SPARSE < len(text):
        return text.encode("ascii", _ERRORS)
    return text.translate(_TABLE).encode("latin-1")


def offsets(text: str) -> list[int]:
    """For each byte of `fold(text)`, the offset of its character in `text`."""
    return [at for at, char in enumerate(text) if _TABLE[ord(char)] is not None]


def _ignorable(code: int) -> bool:
    return any(first <= code <= last for first, last in _IGNORABLE)


def _byte(code: int) -> int | None:
    char = chr(code)
    category = unicodedata.category(char)
    if code < 0x80:
        return code
    if _ignorable(code) or category in _IGNORED_CATEGORIES:
        return None
    if category == "Nd":
        return ord("0") + unicodedata.decimal(char)
    if category in _CASED:
        return _ascii_form(char) or LETTER
    return _ALIKE.get(code) or _ascii_form(char) or _BY_CATEGORY.get(category, _OTHER)


def _ascii_form(char: str) -> int | None:
    """The one ASCII character that this is a full-width, circled or mathematical form of."""
    form = unicodedata.normalize("NFKC", char)
    # Superscripts are footnotes and powers, not a way to write a number.
    if len(form) > 1 or not form.isascii() or "<su" in unicodedata.decomposition(char):
        return None
    return ord(form)


def _fold_run(error: UnicodeError) -> tuple[bytes, int]:
    """Codec error handler: the bytes for a run that is not ASCII, and where it ends."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end].translate(_TABLE).encode("latin-1"), error.end


_TABLE = _Table()
_ERRORS = "extauth.privacy.fold"
codecs.register_error(_ERRORS, _fold_run)

"""Folding: a text as bytes, with full-width digits, invisible characters and look-alikes resolved.

Each character becomes one byte, or none if it is invisible, so that recognisers are byte patterns
and offsets can be mapped back. Folded text is only used to find spans.
"""

from __future__ import annotations

import codecs
import unicodedata
from functools import cache

from extauth.content.privacy.cue import translated
from extauth.content.privacy.lookalike import LETTER, MARKED, unmasked

_OTHER = 0x1F
_SPARSE = 128
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
_ALIKE |= {
    ord(char): ord(ascii_)
    for char, ascii_ in zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "ABCDEFGHIJKLMNOPRSTUVWYZ", strict=True)
}
# Parenthesised and negative circled or squared, for which no compatibility form is given.
_ALIKE |= {
    first + number: ord("A") + number
    for first in (0x1F110, 0x1F150, 0x1F170)
    for number in range(26)
}
# Quotation marks of every shape, including the quoting brackets of Chinese and Japanese.
_ALIKE |= dict.fromkeys(map(ord, "“”„‟«»「」『』〝〞"), ord('"')) | dict.fromkeys(
    map(ord, "‘’‚‛"), ord("'")
)
_ALIKE |= {0x249C + number: ord("a") + number for number in range(26)}
_BY_CATEGORY = {"Pd": ord("-"), "Zs": ord(" ")}


class _FoldTable(dict[int, int | None]):
    """From code point to byte, None to drop; filled as characters turn up, at most 130,000."""

    def __missing__(self, code: int) -> int | None:
        if code > _LAST_WITH_FORMS:
            return None if _ignorable(code) else _OTHER
        self[code] = byte = _byte(code)
        return byte


def fold(text: str) -> bytes:
    """Return one byte for each visible character of `text`.

    ASCII stays the same. Digits of any script, full-width and mathematical forms, spaces and dashes
    become their ASCII counterparts, letters with cases become `LETTER`, and every other character a
    control character. A look-alike of an ASCII letter or digit becomes that one in a word that
    mixes it with ASCII. The words of `cue` become ASCII words. Never raises: a lone surrogate is a
    control character. The result is as long as the text if and only if no character was dropped.
    """
    return fold_letters(translated(text))


def fold_letters(text: str) -> bytes:
    """Fold as `fold` does, without translating the words of `cue`."""
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    # The codec copies ASCII in C but pays a call for every run of other characters.
    if foreign * _SPARSE < len(text):
        return unmasked(text.encode("ascii", _ERRORS))
    return unmasked(
        _fold_codec(text) or fold_pages(text) or text.translate(_TABLE).encode("latin-1")
    )


def _fold_codec(text: str) -> bytes | None:
    """Return the bytes of `_TABLE` for a text in the letters of one old code page, else None.

    Most European languages have such a page; this is ten times as fast as any other way.
    """
    for codec in _CODECS:
        try:
            return text.encode(codec).translate(*_codec(codec))
        except UnicodeEncodeError:
            continue
    return None


@cache
def _codec(name: str) -> tuple[bytes, bytes]:
    """Return the table for a code page's characters, and the bytes to drop."""
    folded = [_TABLE[ord(bytes([byte]).decode(name, "replace"))] for byte in range(256)]
    dropped = bytes(byte for byte, to in enumerate(folded) if to is None)
    return bytes(to or 0 for to in folded), dropped


def fold_pages(text: str) -> bytes | None:
    """Return the bytes of `_TABLE` for a text of the Basic Multilingual Plane, else None.

    Works by pages of 256 characters, each with operations on the whole text at once: four times as
    fast as character by character.
    """
    wide = text.encode("utf-16-le", "surrogatepass")
    if len(wide) != 2 * len(text):
        return None
    low, high = wide[0::2], wide[1::2].translate(_ALL_OTHER)
    folded, rest = 0, high
    while rest:
        number = rest[0]
        rest = rest.replace(rest[:1], b"")
        here = int.from_bytes(high.translate(_only(number)), "little")
        folded |= here & int.from_bytes(low.translate(_page(number)), "little")
    return folded.to_bytes(len(text), "little").translate(None, _DROPPED_BYTE)


@cache
def _page(number: int) -> bytes:
    """Return the table for the characters of one page."""
    codes = range(number << 8, (number + 1) << 8)
    return bytes(_DROPPED if (byte := _TABLE[code]) is None else byte for code in codes)


@cache
def _only(number: int) -> bytes:
    """Return a table with all bits set for this page's number, and none for others."""
    return bytes(0xFF if other == number else 0 for other in range(256))


def offsets(text: str) -> list[int]:
    """Return for each byte of `fold(text)` the offset of its character in `text`."""
    return letter_offsets(translated(text))


def letter_offsets(text: str) -> list[int]:
    """Return for each byte of `fold_letters(text)` the offset of its character in `text`."""
    return [at for at, char in enumerate(text) if _TABLE[ord(char)] is not None]


def _ignorable(code: int) -> bool:
    return any(first <= code <= last for first, last in _IGNORABLE)


def _byte(code: int) -> int | None:
    if code < 0x80:
        return code
    if code in MARKED:
        return MARKED[code]
    char = chr(code)
    category = unicodedata.category(char)
    if _ignorable(code) or category in _IGNORED_CATEGORIES:
        return None
    if category == "Nd":
        return ord("0") + unicodedata.decimal(char)
    other = LETTER if category in _CASED else _BY_CATEGORY.get(category, _OTHER)
    return _ALIKE.get(code) or _ascii_form(char) or other


def _ascii_form(char: str) -> int | None:
    """Return the ASCII character of which `char` is a full-width, circled or mathematical form."""
    # Superscripts are footnotes and powers, not a way to write a number.
    if "<su" in unicodedata.decomposition(char):
        return None
    form = unicodedata.normalize("NFKC", char)
    # Digits in dots, brackets and black circles; Ethiopic ones are numerals of another system.
    digit = unicodedata.digit(char, None)
    if digit is not None and unicodedata.category(char) == "No":
        return ord("0") + digit
    return ord(form) if len(form) == 1 and form.isascii() else None


def _fold_run(error: UnicodeError) -> tuple[bytes, int]:
    """Codec error handler: return the bytes for a run that is not ASCII, and its end."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return error.object[error.start : error.end].translate(_TABLE).encode("latin-1"), error.end


_TABLE = _FoldTable()
# Latin-1, then Windows' pages, which have dashes and quotation marks too.
_CODECS = ("latin-1", "cp1252", "cp1250", "cp1251")
_DROPPED = 0xFF
_DROPPED_BYTE = bytes([_DROPPED])
# Pages that hold only ideographs, Hangul or private-use characters are treated as one page.
_ALL_OTHER = bytes(
    0x4E if 0x34 <= page <= 0x9F or 0xAC <= page <= 0xF8 else page for page in range(256)
)
_ERRORS = "extauth.content.privacy.fold"
codecs.register_error(_ERRORS, _fold_run)

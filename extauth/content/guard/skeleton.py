"""The skeleton of a text: the form that the guard's patterns match, whatever it is written with.

After the skeletons of Unicode's UTS #39: look-alike letters become one, marks and invisible
characters go, symbols become spaces. Patterns pass through the same table as texts, so that a
Russian phrase is found although some of its letters become Latin ones.
"""

from __future__ import annotations

import codecs
import unicodedata

_SPARSE = 16
_TAG, _TAG_FIRST, _TAG_LAST = 0xE0000, 0xE0020, 0xE007E
_MARKS = frozenset({"Mn", "Me", "Cf"})
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_SYMBOLS = ("P", "S", "Z")
_QUOTES = frozenset("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
                    "\u300c\u300d\u300e\u300f\u0060\u00b4")  # fmt: skip
_STOPS = {"\u3002": ".", "\uff61": ".", "\u061f": "?", "\u0964": "."}

# Letters that look Latin, from UTS #39's confusables.txt, and Latin ones that do not decompose.
_ALIKE = {
    ord(foreign): latin
    for latin, letters in {
        "a": "\u0430\u03b1\u0251\u1d00",
        "b": "\u0432\u0299",
        "c": "\u0441\u03f2\u1d04",
        "d": "\u0501\u1d05\u0111",
        "e": "\u0435\u03b5\u1d07\u0454",
        "f": "\ua730",
        "g": "\u0261\u0262",
        "h": "\u04bb\u043d\u029c\u0570",
        "i": "\u0456\u03b9\u026a\u0131",
        "j": "\u0458\u1d0a",
        "k": "\u043a\u03ba\u1d0b",
        "l": "\u04cf\u029f\u0142",
        "m": "\u043c\u1d0d",
        "n": "\u0274\u0578",
        "o": "\u043e\u03bf\u1d0f\u00f8\u0585",
        "p": "\u0440\u03c1\u1d18",
        "q": "\u051b",
        "r": "\u0280",
        "s": "\u0455\ua731",
        "t": "\u0442\u03c4\u1d1b",
        "u": "\u03c5\u1d1c\u057d",
        "v": "\u03bd\u1d20",
        "w": "\u051d\u1d21",
        "x": "\u0445\u03c7",
        "y": "\u0443\u03b3\u028f",
        "z": "\u1d22",
        "ae": "\u00e6",
        "oe": "\u0153",
    }.items()
    for foreign in letters
}
# Letters in black squares and circles, and the regional indicators that flags are made of.
_BOXED = (0x1F150, 0x1F170, 0x1F1E6)


class _SkeletonTable(dict[int, str]):
    """From code point to skeleton; filled as characters turn up."""

    def __missing__(self, code: int) -> str:
        self[code] = read = _read(code)
        return read


def skeleton(text: str) -> bytes:
    """Return the skeleton of `text`, in lower case, as UTF-8. Linear; never raises."""
    if text.isascii():
        return text.lower().encode()
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    # The codec copies ASCII in C but pays a call for every run of other characters.
    if foreign * _SPARSE < len(text):
        return text.encode("ascii", _ERRORS).lower()
    return text.translate(_TABLE).encode("utf-8", "replace")


def pattern_skeleton(source: str) -> str:
    """Return a pattern whose literal letters are those of skeletons. ASCII is syntax and stays."""
    return "".join([char if char.isascii() else _TABLE[ord(char)] for char in source])


def _read(code: int) -> str:
    char = chr(code)
    if code < 0x80:
        return char.lower()
    if _TAG_FIRST <= code <= _TAG_LAST:
        # An invisible copy of ASCII, which a model may read.
        return chr(code - _TAG).lower()
    if char in _FILLERS or unicodedata.category(char) in _MARKS:
        return ""
    for first in _BOXED:
        if first <= code < first + 26:
            return chr(ord("a") + code - first)
    return "".join(map(_letter, unicodedata.normalize("NFKD", char).casefold()))


def _letter(char: str) -> str:
    if char.isascii():
        return char
    category = unicodedata.category(char)
    if category in _MARKS or char in _FILLERS:
        return ""
    if char in _QUOTES:
        return '"'
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category.startswith(_SYMBOLS):
        return "-" if category == "Pd" else _STOPS.get(char, " ")
    return " " if category == "Cs" else _ALIKE.get(ord(char), char)


def _read_run(error: UnicodeError) -> tuple[bytes, int]:
    """Codec error handler: return the skeleton of a run that is not ASCII, and its end."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    run = error.object[error.start : error.end].translate(_TABLE)
    return run.encode("utf-8", "replace"), error.end


_TABLE = _SkeletonTable()
_ERRORS = "extauth.content.guard.skeleton"
codecs.register_error(_ERRORS, _read_run)

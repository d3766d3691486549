"""Letters of one script that look like letters or digits of another: `pаypal` with a Cyrillic а.

A word that mixes them with ASCII is read as it looks. A word of its own script stays as it is, so
prose in Russian or Greek is not changed.
"""

from __future__ import annotations

from typing import Final

from extauth.content.pattern import compile_pattern

LETTER: Final = 0xE9
"""The byte for a letter of a script with cases (é, я, ω): part of a word and of an address."""

# After the Unicode Consortium's confusables (UTS 39): Cyrillic, Greek, Armenian, Cherokee.
_LETTERS = {
    "A": "АΑᎪ", "B": "ВΒᏴ", "C": "СᏟϹ", "D": "Ꭰ", "E": "ЕΕᎬ", "F": "Ϝ", "G": "ԌᏀ", "H": "НΗᎻ",
    "I": "ІΙӀ", "J": "ЈᎫ", "K": "КΚᏦ", "L": "ᏞԼ", "M": "МΜᎷ", "N": "Ν", "O": "ОΟՕ",
    "P": "РΡᏢ", "Q": "Ԛ", "R": "Ꭱ", "S": "ЅՏᏚ", "T": "ТΤᎢ", "U": "Ս", "V": "ѴᏙ", "W": "ԜᎳ",
    "X": "ХΧ", "Y": "ҮΥ", "Z": "ΖᏃ",
    "a": "аα", "c": "сϲ", "d": "ԁ", "e": "е", "g": "ց", "h": "һհ", "i": "іι", "j": "јϳ", "k": "κ",
    "l": "ӏ", "n": "ո", "o": "оοօ", "p": "рρ", "q": "ԛգ", "s": "ѕ", "u": "υս", "v": "ѵν",
    "w": "ԝω", "x": "хχ", "y": "уγү", "z": "ʐ",
    "3": "ЗзӠӡ", "4": "Ч", "6": "б",
}  # fmt: skip
_DIGITS = {"O": "0", "o": "0", "I": "1", "l": "1", "i": "1"}

# While words are read, each ASCII character that has look-alikes has a byte of its own for them.
_MARKS = {ascii_: 0x80 + number for number, ascii_ in enumerate(_LETTERS)}
MARKED: Final = {ord(char): _MARKS[ascii_] for ascii_, alike in _LETTERS.items() for char in alike}
"""The mark of each code point that looks like an ASCII character."""

_RANGE = f"\\x80-\\x{0x7F + len(_MARKS):02x}".encode()
_MIXED = compile_pattern(rb"\w[" + _RANGE + rb"]|[" + _RANGE + rb"]\w")
_ASCII = compile_pattern(rb"\w")
_WORD = compile_pattern(rb"[\w\xe9" + _RANGE + rb"]+")


def _table(readings: dict[str, int]) -> bytes:
    table = bytearray(range(256))
    for ascii_, mark in _MARKS.items():
        table[mark] = readings.get(ascii_, LETTER)
    return bytes(table)


_AS_LETTERS = _table({})
_AS_ASCII = _table({ascii_: ord(ascii_) for ascii_ in _MARKS if ascii_.isalpha()})
_AS_DIGITS = _table({ascii_: ord(_DIGITS.get(ascii_, ascii_)) for ascii_ in (*_DIGITS, *"346")})
_DIGIT_BYTES = b"0123456789"
_FEWEST_DIGITS = 3
_ONLY_ALIKE = 4


def unmasked(data: bytes) -> bytes:
    """Return marked bytes as a person reads them: ASCII in words that mix it in, or `LETTER`."""
    if _MIXED.search(data) is None:
        return data.translate(_AS_LETTERS)
    pieces: list[bytes] = []
    done = 0
    for match in _WORD.finditer(data):
        start, end = match.start(), match.end()
        word = data[start:end]
        if not word.isascii():
            pieces += (data[done:start], _read(word))
            done = end
    return b"".join((*pieces, data[done:])).translate(_AS_LETTERS)


def _read(word: bytes) -> bytes:
    """Return a word as it looks; unchanged if it is in its own script alone."""
    written = len(word) - len(word.translate(None, _DIGIT_BYTES))
    as_number = word.translate(_AS_DIGITS)
    if as_number.isdigit():
        return as_number if written >= _FEWEST_DIGITS or len(word) >= _ONLY_ALIKE else word
    as_word = word.translate(_AS_ASCII)
    return as_word if LETTER not in as_word and _ASCII.search(word) else word

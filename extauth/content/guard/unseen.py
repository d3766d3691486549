"""Text that a person does not read and a model can: invisible characters and encoded runs."""

from __future__ import annotations

import base64
import binascii
import html
import re
import string
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from extauth.content.pattern import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEPTH: Final = 3
"""Times that a decoded text is searched for encoded runs again."""

_LEGIBLE = 0.95
_SHORTEST = 12
_ESCAPE = re.compile(r"\\(?:x|u00)([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})")
_BASE32 = re.compile(rb"[A-Z2-7]+={0,6}")
_LETTERS = frozenset(string.ascii_letters.encode() + b" ")
_SPELLED = 0.8
_NUMBER = re.compile(rb"[0-9]+")
_NOT_HEX = re.compile(rb"[^0-9a-fA-F]|0x")


def _base64(run: bytes) -> bytes:
    if _BASE32.fullmatch(run):
        return _base32(run)
    data = run.translate(_URL_SAFE).rstrip(b"=")
    return base64.b64decode(data[: len(data) // 4 * 4 if len(data) % 4 == 1 else None] + b"===")


def _base32(run: bytes) -> bytes:
    data = run.rstrip(b"=")
    return base64.b32decode(data + b"=" * (-len(data) % 8))


def _decimal(run: bytes) -> bytes:
    data = bytes(map(int, _NUMBER.findall(run)))
    # Any two digits decode to a character; a sentence consists mostly of letters.
    if sum(byte in _LETTERS for byte in data) < _SPELLED * len(data):
        raise ValueError("numbers")
    return data


def _hex(run: bytes) -> bytes:
    digits = _NOT_HEX.sub(b"", run)
    return binascii.unhexlify(digits[: len(digits) // 2 * 2])


def _bits(run: bytes) -> bytes:
    bits = bytes(byte for byte in run if byte in b"01")
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) // 8 * 8, 8))


def _escapes(run: bytes) -> bytes:
    def char(match: re.Match[str]) -> str:
        return chr(int(match[1] or match[2], 16))

    return _ESCAPE.sub(char, run.decode("ascii", "replace")).encode("utf-8", "replace")


def _entities(run: bytes) -> bytes:
    return html.unescape(run.decode("ascii", "replace")).encode("utf-8", "replace")


_URL_SAFE = bytes.maketrans(b"-_", b"+/")

# In the order in which they are tried at one place. A run is longer than a usual word or number.
_CODES: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (rb"(?:\b(?:3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-6])[ ,]{1,2}){12,}[0-9]{2,3}\b", _decimal),
    (rb"(?:[01]{8}[ ,]?){6,}", _bits),
    (rb"(?:%[0-9a-fA-F]{2}){12,}", unquote_to_bytes),
    (rb"(?:(?:\\x|\\u00)[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}){8,}", _escapes),
    (rb"(?:&#(?:[0-9]{2,5}|x[0-9a-fA-F]{2,4});){8,}", _entities),
    (rb"\b(?:(?:0x)?[0-9a-fA-F]{2}[ :,-]?){20,}\b", _hex),
    (rb"[A-Za-z0-9+/_-]{24,}={0,6}", _base64),
)
_RUN = compile_pattern(b"|".join(b"(" + pattern + b")" for pattern, _ in _CODES))
_ANY_RUN = compile_pattern(b"|".join(pattern for pattern, _ in _CODES))

_TAG = r"[\x{e0000}-\x{e007f}]"
_SELECTOR = r"[\x{fe00}-\x{fe0f}\x{e0100}-\x{e01ef}]"
_UNSEEN = (
    r"[\x{ad}\x{34f}\x{61c}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{200b}-\x{200f}"
    r"\x{202a}-\x{202e}\x{2060}-\x{206f}\x{3164}\x{feff}\x{ffa0}\x{fff0}-\x{fffb}"
    r"\x{1d173}-\x{1d17a}]"
)

# The group is what counts. The rest is what people write: a region's flag is a black flag and a few
# tags; one selector follows an emoji or an ideograph; a joiner or a mark of direction stands alone
# or beside another.
_HIDDEN = compile_pattern(
    rf"\x{{1f3f4}}[\x{{e0061}}-\x{{e007a}}\x{{e0030}}-\x{{e0039}}]{{3,6}}\x{{e007f}}"
    rf"|({_TAG}+|{_SELECTOR}{{2,}}|{_UNSEEN}{{4,}})".encode(),
    utf8=True,
)


def invisible(text: str) -> int:
    """Return the number of characters in runs that hide something. Linear.

    Counts Unicode's tag characters except those of a flag, two or more variation selectors in a
    row, and four or more characters in a row that have no width, set a direction, or only fill
    space.
    """
    if text.isascii():
        return 0
    data = text.encode("utf-8", "replace")
    return sum(
        len(run.decode()) for match in _HIDDEN.finditer(data) if (run := match.group(1)) is not None
    )


def decoded(text: str) -> list[str]:
    """Return the text of each encoded run in `text`, and of each encoded run in those texts.

    The codes are base64, base32, hex, binary, decimal, and percent and other escapes. Linear: a run
    decodes to less than itself, at most `DEPTH` times.
    """
    found: list[str] = []
    layer = [text]
    for _ in range(DEPTH):
        layer = [inner for outer in layer for inner in _decoded(outer)]
        found += layer
    return found


def _decoded(text: str) -> Iterator[str]:
    data = text.encode("utf-8", "replace")
    if _ANY_RUN.search(data) is None:
        return
    for match in _RUN.finditer(data):
        for group, (_, decode) in enumerate(_CODES, 1):
            run = match.group(group)
            if run is not None:
                inner = _legible(decode, run)
                if inner is not None:
                    yield inner
                break


def _legible(decode: Callable[[bytes], bytes], run: bytes) -> str | None:
    """Return the decoded `run`; None if it is not text, but an image, a hash or a key."""
    try:
        data = decode(run)
        # UTF-16 of ASCII has a zero in every other byte.
        text = (data.replace(b"\0", b"") if b"\0" in data[:2] else data).decode()
    except ValueError:
        return None
    shown = sum(char.isprintable() or char.isspace() for char in text)
    return text if len(text) >= _SHORTEST and shown >= _LEGIBLE * len(text) else None

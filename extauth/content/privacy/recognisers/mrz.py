"""The machine-readable lines of travel documents, ICAO 9303."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import Span
from extauth.content.privacy.recognisers.checksums import icao_digit

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_END = rb"(?:[ \t]{0,2}(?:\r?\n|\\n)[ \t]{0,8}|[ ]{1,2})"
_NUMBER = rb"([A-Z0-9<]{9})([0-9<])"
_BORN_AND_EXPIRES = rb"(\d{6})(\d)[MFX<](\d{6})(\d)"
_CHECKED: Final = ((1, 2), (3, 4), (5, 6))


class MrzRecogniser:
    """All lines of a document whose number, birth date and expiry have valid check digits."""

    confidence = 1.0
    # Up to three lines of at most 44 characters, and their separators.
    opens = rb"[A-Z0-9<]{1,44}(?:[ \t\r\n\\]{1,12}n?[ \t]{0,8}[A-Z0-9<]{0,44}){0,2}"

    __slots__ = ("_pattern", "kind", "name", "prefilter")

    def __init__(self, kind: str, name: str, pattern: bytes, prefilter: bytes) -> None:
        self.kind, self.name, self.prefilter = kind, name, prefilter
        self._pattern = compile_pattern(rb"\b" + pattern)

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield spans from the first line to the end of the last."""
        for match in self._pattern.finditer(data):
            fields = [match.group(number) or b"" for pair in _CHECKED for number in pair]
            if all(
                icao_digit(value.decode()) == digit.decode().replace("<", "0")
                for value, digit in zip(fields[::2], fields[1::2], strict=True)
            ):
                yield Span(match.start(), match.end())


MACHINE_READABLE = (
    # TD3: passports. The second line alone is enough.
    MrzRecogniser(
        "passport",
        "passport-mrz",
        rb"(?:P[A-Z<][A-Z<]{42}" + _LINE_END + rb")?" + _NUMBER + rb"[A-Z<]{3}"
        rb"" + _BORN_AND_EXPIRES + rb"[A-Z0-9<]{14}[0-9<]\d",
        rb"\d[A-Z<]{3}\d{7}[MFX<]\d{7}[A-Z0-9<]{14}",
    ),
    # TD1: cards in three lines, of which the first two have the numbers.
    MrzRecogniser(
        "national_id",
        "id-card-mrz",
        rb"[ACI][A-Z<][A-Z<]{3}" + _NUMBER + rb"[A-Z0-9<]{15}" + _LINE_END + rb""
        rb"" + _BORN_AND_EXPIRES + rb"[A-Z<]{3}[A-Z0-9<]{11}\d(?:" + _LINE_END + rb"[A-Z<]{30})?",
        rb"\d{7}[MFX<]\d{7}[A-Z<]{3}[A-Z0-9<]{11}\d",
    ),
)
"""A recogniser for each form of document."""

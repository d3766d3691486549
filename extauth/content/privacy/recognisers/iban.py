"""International bank account numbers, ISO 13616."""

from __future__ import annotations

import re
from itertools import product
from string import ascii_uppercase
from typing import TYPE_CHECKING

from stdnum import iban, numdb

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.content.pattern import Pattern


class IbanRecogniser:
    """Country, valid check digits, and an account of the country's length.

    In upper or lower case, in one piece or with single spaces or hyphens. The lengths come from the
    registry in python-stdnum.
    """

    kind = "iban"
    confidence = 0.9
    opens = rb"[A-Za-z]{2}(?:\d(?:\d(?:[ \-]?[A-Za-z0-9]){0,32}[ \-]?)?)?"
    name = "iban"

    def __init__(self) -> None:
        lengths = _lengths()
        countries = b"|".join(lengths)
        self.prefilter = rb"(?i)\b(?:" + countries + rb")\d{2}[ \-]?[A-Z0-9]{2}[ \-]?[A-Z0-9]{2}"
        self._start = compile_pattern(rb"(?i)\b(?:" + countries + rb")\d{2}")
        self._shapes = {country: (length, _shape(length)) for country, length in lengths.items()}

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield account numbers, without text that follows."""
        for match in self._start.finditer(data):
            start = match.start()
            length, shape = self._shapes[data[start : start + 2].upper()]
            found = shape.search(data[start : start + 2 * length])
            if found is None:
                continue
            end = start + found.end(1)
            if iban.is_valid(data[start:end].decode(), check_country=False):
                yield Span(start, end)


def _shape(length: int) -> Pattern:
    """Return a pattern of `length` letters and digits with single separators, and no more."""
    rest = str(length - 1).encode()
    return compile_pattern(rb"(?i)\A([A-Z0-9](?:[ \-]?[A-Z0-9]){" + rest + rb"})(?:[^A-Z0-9]|\z)")


def _lengths() -> dict[bytes, int]:
    """Return the length of each country's account numbers, with country and check digits."""
    registry = numdb.get("iban")
    lengths = {}
    for country in map("".join, product(ascii_uppercase, repeat=2)):
        structure = registry.info(country)[0][1].get("bban")
        if structure:
            lengths[country.encode()] = 4 + sum(map(int, re.findall(r"\d+", structure)))
    return lengths

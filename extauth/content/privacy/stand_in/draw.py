"""Deterministic random draws."""

from __future__ import annotations

import hashlib
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

DIGITS: Final = "0123456789"
_BLOCK = 256
_WIDTH = 4


class Draw:
    """Draws from a seed: the same seed and `attempt` give the same values.

    `tries` is the number of draws left for forms whose checksum is found by trial; the caller
    counts it down. Belongs to one task.
    """

    __slots__ = ("_at", "_block", "_bytes", "_seed", "tries")

    def __init__(self, seed: bytes, attempt: int = 0, *, tries: int = 0) -> None:
        self._seed = seed + attempt.to_bytes(4)
        self._block = 0
        self._bytes = b""
        self._at = 0
        self.tries = tries

    def below(self, end: int) -> int:
        """Return a number from 0 to `end` - 1."""
        if self._at == len(self._bytes):
            block = self._seed + self._block.to_bytes(4)
            self._bytes, self._at = hashlib.shake_256(block).digest(_BLOCK), 0
            self._block += 1
        at = self._at
        self._at += _WIDTH
        return int.from_bytes(self._bytes[at : at + _WIDTH]) % end

    def one_of(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[self.below(len(values))]

    def digits(self, length: int) -> str:
        """Return `length` digits."""
        return "".join(self.one_of(DIGITS) for _ in range(length))

    def like(self, text: str) -> str:
        """Return a digit for each digit, a letter of the same case for each letter, the rest as it
        is.
        """
        return "".join(map(self._like, text))

    def _like(self, char: str) -> str:
        if char.isdecimal():
            return self.one_of(DIGITS)
        if char.isalpha():
            return self.one_of(ascii_uppercase if char.isupper() else ascii_lowercase)
        return char


def laid_out(value: str, text: str) -> str:
    """Return `value`, of letters and digits, with the separators and the case of `text`.

    `text` has as many letters and digits as `value`.
    """
    characters = iter(value)
    return "".join(
        (next(characters).lower() if char.islower() else next(characters))
        if char.isalnum()
        else char
        for char in text
    )


def bare(text: str) -> str:
    """Return the letters and digits of `text`, in upper case."""
    return "".join(char for char in text if char.isalnum()).upper()

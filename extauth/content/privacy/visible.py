"""Visible text in its own script, for terms that are words of any language."""

from __future__ import annotations

import unicodedata

from extauth.content.privacy.fold import fold_letters, letter_offsets


class Visible:
    """The visible characters of a text, with their offsets.

    `data` has them in UTF-8: without invisible characters, full-width forms as plain ones, letters
    composed with their accents, and ASCII for letters that look like ASCII.
    """

    __slots__ = ("_byte", "_char", "_places", "_text", "data")

    def __init__(self, text: str) -> None:
        self._text = text
        self._places: list[int] | None = None
        self._byte = self._char = 0
        self.data = text.encode("utf-8", "replace")
        if text.isascii():
            return
        folded = fold_letters(text)
        letters = len(folded) - len(folded.translate(None, _NOT_ASCII))
        same = len(folded) == len(text) and unicodedata.is_normalized("NFKC", text)
        if not same or letters != len(text) - len(text.encode("ascii", "ignore")):
            self.data = self._read(folded).encode("utf-8", "replace")

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets in the text for offsets in `data`. Cheapest from left to right."""
        first, behind = self._at(start), self._at(end)
        if self._places is None:
            return first, behind
        last = self._places[behind - 1]
        rest = self._places[behind] if behind < len(self._places) else len(self._text)
        while last + 1 < rest and unicodedata.combining(self._text[last + 1]):
            last += 1
        return self._places[first], last + 1

    def _at(self, byte: int) -> int:
        if byte < self._byte:
            self._byte = self._char = 0
        self._char += len(self.data[self._byte : byte].decode())
        self._byte = byte
        return self._char

    def _read(self, folded: bytes) -> str:
        shown: list[str] = []
        self._places = []
        kept = dict(zip(letter_offsets(self._text), folded, strict=True))
        for place, char in enumerate(self._text):
            if place in kept:
                byte = kept[place]
                form = unicodedata.normalize("NFKC", char)
                shown.append(chr(byte) if byte in _ASCII else form if len(form) == 1 else char)
                self._places.append(place)
            elif shown and unicodedata.combining(char):
                composed = unicodedata.normalize("NFC", shown[-1] + char)
                if len(composed) == 1:
                    shown[-1] = composed
        return "".join(shown)


_ASCII = frozenset(range(0x20, 0x7F))
_NOT_ASCII = bytes(byte for byte in range(256) if byte not in _ASCII | {0x09, 0x0A, 0x0D})

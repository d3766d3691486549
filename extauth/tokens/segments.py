"""Tokenizers that know no control tokens in a text: it is cut at them, and read in between."""

from __future__ import annotations

from abc import abstractmethod

from extauth.tokens.tokenizer import Tokenizer


class SegmentTokenizer(Tokenizer):
    """Counts as Mistral's own encoding of chats and `transformers` do.

    A control token is one token, and the text between two is encoded by itself.
    """

    @abstractmethod
    def encoded(self, text: str) -> int:
        """The number of tokens of a text without control tokens."""

    def count(self, text: str) -> int:
        """As `Tokenizer.count`."""
        if self._control is None:
            return self.encoded(text)
        pieces = self._control.split(text)
        return len(pieces) - 1 + sum([self.encoded(piece) for piece in pieces if piece])

"""The tokens of a model whose tokenizer the gateway does not have: an estimate, never too low."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, ClassVar, Final

from extauth.errors import InvalidRequest
from extauth.tokens.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Enough for a begin and an end token, and for the space that SentencePiece puts ahead of a text.
_ADDED: Final = 3


class Estimate(Tokenizer):
    """A token a byte, the most that a tokenizer can make of a text that reads bytes at worst.

    That is every byte-level one, and SentencePiece with byte fallback. English has some four times
    fewer (docs/tokens.md). `control_tokens` are those that the model's chat template writes.
    """

    exact: ClassVar[bool] = False

    def __init__(self, control_tokens: Iterable[str]) -> None:
        super().__init__(control_tokens, added=_ADDED)

    def count(self, text: str) -> int:
        """The bytes of `text` in UTF-8, or of its NFKC form, which some models read, if longer."""
        length = len(text.encode())
        if length == len(text):
            return length
        return max(length, len(unicodedata.normalize("NFKC", text).encode()))

    def decode(self, _: Sequence[int]) -> str:
        """Raises InvalidRequest: nobody here knows what the ids mean."""
        raise InvalidRequest(
            "Token ids are not supported for this model: send text.", code="unsupported_parameter"
        )

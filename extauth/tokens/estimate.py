"""A token estimate for a model whose tokenizer the gateway does not have; never too low."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, ClassVar, Final

from extauth.errors import InvalidRequest
from extauth.tokens.tokenizer import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Begin token, end token, and the space that SentencePiece puts in front of a text.
_ADDED: Final = 3


class Estimate(Tokenizer):
    """Counts one token a byte: the most that a tokenizer with a byte fallback makes of a text.

    This bounds every byte-level tokenizer, and SentencePiece with byte fallback. English text has
    some four times fewer tokens (docs/tokens.md). `control_tokens` are those that the model's chat
    template writes.
    """

    exact: ClassVar[bool] = False

    def __init__(self, control_tokens: Iterable[str]) -> None:
        super().__init__(control_tokens, added=_ADDED)

    def count(self, text: str) -> int:
        """Return the bytes of `text` in UTF-8, or of its NFKC form if that is longer.

        Some models normalise to NFKC before they tokenize.
        """
        length = len(text.encode())
        if length == len(text):
            return length
        return max(length, len(unicodedata.normalize("NFKC", text).encode()))

    def decode(self, _: Sequence[int]) -> str:
        """Raise InvalidRequest: without a tokenizer, ids can't be decoded."""
        raise InvalidRequest(
            "Token ids are not supported for this model: send text.", code="unsupported_parameter"
        )

"""What every kind of tokenizer does: count, decode, and keep control tokens out of texts."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from extauth.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Tokenizer(ABC):
    """A model's tokenizer. Safe to share between threads and tasks.

    `control_tokens` are the strings that only a template may write. `added` is how many tokens a
    backend puts around a prompt, `bos` and `eos` the strings of those that begin and end one, as
    far as the file tells.
    """

    exact: ClassVar[bool] = True
    """Whether `count` is the model's own; otherwise an estimate that errs upwards."""

    def __init__(
        self,
        control_tokens: Iterable[str],
        *,
        added: int,
        bos: str | None = None,
        eos: str | None = None,
    ) -> None:
        self.control_tokens = frozenset(control_tokens)
        self.added = added
        self.bos = bos
        self.eos = eos
        self._control = any_of(self.control_tokens)

    @abstractmethod
    def count(self, text: str) -> int:
        """The number of tokens in `text`: control tokens are parsed, and none is added."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, control tokens included. InvalidRequest when one is unknown."""

    def admit(self, texts: Sequence[str]) -> None:
        """Raises InvalidRequest with code `control_token` when one of `texts` holds one.

        Texts that a template may join are seen joined as well; and as the model normalises them.
        """
        if self._control is None:
            return
        text = "\n".join(texts)
        normalized = self._normalized(text)
        if self._control.search(text) or (
            normalized is not text and self._control.search(normalized)
        ):
            raise InvalidRequest(
                "The text holds a control token of the model.", code="control_token"
            )

    def _normalized(self, text: str) -> str:
        """What becomes of a text before control tokens are looked for in it."""
        return text


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


def any_of(tokens: Iterable[str]) -> re.Pattern[str] | None:
    """What finds any of these strings, the longest first; None when there is none."""
    longest_first = sorted(tokens, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def unknown_id() -> InvalidRequest:
    """The error of a token id that the model does not have."""
    return InvalidRequest("A token id is not one of this model's.", code="invalid_token")

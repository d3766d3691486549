"""The interface of a tokenizer: count, decode, and refuse control tokens in texts."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from extauth.errors import InvalidRequest
from extauth.tokens.edges import Edges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Tokenizer(ABC):
    """A model's tokenizer. Safe to share between threads and tasks.

    `control_tokens` are the strings that only a template may write. `added` is the number of
    special tokens that a backend adds to a prompt. `bos` and `eos` are the strings of the tokens
    that begin and end one, None if the file does not name them.
    """

    exact: ClassVar[bool] = True
    """True if `count` is the model's own count; otherwise it is an estimate that errs upwards."""

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
        self._edges = Edges(self.control_tokens)

    @abstractmethod
    def count(self, text: str) -> int:
        """Return the number of tokens in `text`. Parses control tokens, adds no special token."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of these ids, control tokens included. Raises InvalidRequest."""

    def admit(self, texts: Sequence[str]) -> None:
        """Raise InvalidRequest with code `control_token` if a text contains a control token.

        Searches the texts joined by line breaks, as a template may join them, and also in the form
        that the model normalises them into.
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

    def admit_rendered(self, texts: Sequence[str], prompt: str, neutral: Callable[[], str]) -> None:
        """Raise as `admit` if the template made a control token of `texts` in `prompt`.

        That is so if `neutral`, which renders the same chat with texts that are part of no token,
        has other control tokens. It is called only if the edge of some text could be part of one.
        """
        if self._control is None:
            return
        meet = self._edges.meet
        read = map(self._normalized, texts) if self._normalized(prompt) is not prompt else ()
        if not any(map(meet, texts)) and not any(map(meet, read)):
            return
        if self._controls(prompt) != self._controls(neutral()):
            raise InvalidRequest(
                "Texts of the chat form a control token of the model together.",
                code="control_token",
                param="messages",
            )

    def _controls(self, prompt: str) -> list[list[str]]:
        if self._control is None:
            return []
        return [self._control.findall(text) for text in (prompt, self._normalized(prompt))]

    def _normalized(self, text: str) -> str:
        """Return `text` as the model normalises it before it looks for control tokens."""
        return text


class SegmentTokenizer(Tokenizer):
    """A tokenizer whose model does not recognise control tokens in a text.

    The text is cut at them: each control token is one token, and each text between two is encoded
    by itself, as Mistral's encoding of chats and `transformers` do.
    """

    @abstractmethod
    def encoded(self, text: str) -> int:
        """Return the number of tokens of a text without control tokens."""

    def count(self, text: str) -> int:
        """Return the number of tokens in `text`."""
        if self._control is None:
            return self.encoded(text)
        pieces = self._control.split(text)
        return len(pieces) - 1 + sum([self.encoded(piece) for piece in pieces if piece])


def any_of(tokens: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern that finds any of these strings, the longest first; None without any."""
    longest_first = sorted(tokens, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def unknown_id() -> InvalidRequest:
    """Return the error for a token id that the model does not have."""
    return InvalidRequest("A token id is not one of this model's.", code="invalid_token")

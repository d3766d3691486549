"""A model's own tokenizer: what a request costs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import tokenizers

from extauth.errors import ConfigurationError, InvalidRequest
from extauth.tokens.words import Words, splits_at_spaces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Tokenizer:
    """A model's tokenizer, from its `tokenizer.json`. Safe to share between threads and tasks.

    It counts as the model does, its control tokens parsed and none added. Raises
    ConfigurationError when the file is no tokenizer.
    """

    control_tokens: frozenset[str]
    """The strings of the special tokens, which only a template may write."""

    def __init__(self, path: Path) -> None:
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigurationError(f"no tokenizer here: {error.strerror}", file=path) from None
        except Exception as error:  # the library raises bare exceptions
            raise ConfigurationError(f"not a tokenizer: {error}", file=path) from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._size: int = self._tokenizer.get_vocab_size()
        self.control_tokens = frozenset(
            token.content
            for token in self._tokenizer.get_added_tokens_decoder().values()
            if token.special
        )
        self._separators = self._find_separators()
        self._words = Words(self._encoded)
        self._control = (
            re.compile("|".join(map(re.escape, sorted(self.control_tokens))))
            if self.control_tokens
            else None
        )

    def count(self, text: str) -> int:
        """The number of tokens in `text`.

        No token spans a control token, so the texts in between are counted alone; and where the
        model reads words alone, as most do, so are words.
        """
        if self._separators is None:
            return self._encoded(text)
        pieces = self._separators.split(text)
        return len(pieces) - 1 + sum([self._words.count(piece) for piece in pieces if piece])

    def _encoded(self, text: str) -> int:
        return len(self._tokenizer.encode_batch_fast([text], add_special_tokens=False)[0])

    def _find_separators(self) -> re.Pattern[str] | None:
        """What splits a text into parts that are counted alone; None if nothing surely does."""
        added = self._tokenizer.get_added_tokens_decoder().values()
        plain = all(
            token.special and not (token.lstrip or token.rstrip or token.single_word)
            for token in added
        )
        if not added or not plain or not splits_at_spaces(self._tokenizer.to_str()):
            return None
        longest_first = sorted((token.content for token in added), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, longest_first)))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, control tokens included. InvalidRequest when one is unknown."""
        if any(not 0 <= token < self._size for token in ids):
            raise InvalidRequest("A token id is not one of this model's.", code="invalid_token")
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def admit(self, texts: Sequence[str]) -> None:
        """Raises InvalidRequest with code `control_token` when one of `texts` holds one.

        Texts that a template may join are seen joined as well; and as the normalizer leaves them.
        """
        if self._control is None:
            return
        text = "\n".join(texts)
        normalizer = self._tokenizer.normalizer
        if self._control.search(text) or (
            normalizer is not None and self._control.search(normalizer.normalize_str(text))
        ):
            raise InvalidRequest(
                "The text holds a control token of the model.", code="control_token"
            )

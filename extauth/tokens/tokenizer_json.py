"""`tokenizer.json`, read with Hugging Face's `tokenizers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import tokenizers

from extauth.errors import ConfigurationError
from extauth.tokens.tokenizer import Tokenizer, any_of, unknown_id
from extauth.tokens.words import Words, splits_at_spaces

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence
    from pathlib import Path


class _Content(msgspec.Struct):
    content: str


class _Config(msgspec.Struct):
    bos_token: str | _Content | None = None
    eos_token: str | _Content | None = None


class TokenizerJson(Tokenizer):
    """A model's tokenizer from its `tokenizer.json`.

    A `tokenizer_config.json` beside it names the tokens that begin and end a text. Raises
    ConfigurationError when a file can't be read or is malformed.
    """

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
        added = self._tokenizer.get_added_tokens_decoder().values()
        bos, eos = _ends(path.with_name("tokenizer_config.json"))
        super().__init__(
            [token.content for token in added if token.special],
            added=self._tokenizer.num_special_tokens_to_add(is_pair=False),
            bos=bos,
            eos=eos,
        )
        self._separators = self._find_separators()
        self._words = Words(self._encoded)

    def count(self, text: str) -> int:
        """Return the number of tokens in `text`.

        No token spans a control token, so the texts between control tokens are counted one by one.
        If the model also splits at spaces, as most do, words are counted one by one.
        """
        if self._separators is None:
            return self._encoded(text)
        pieces = self._separators.split(text)
        return len(pieces) - 1 + sum([self._words.count(piece) for piece in pieces if piece])

    def decode(self, ids: Sequence[int]) -> str:
        """Decode token ids, as `Tokenizer.decode` does."""
        if any(not 0 <= token < self._size for token in ids):
            raise unknown_id()
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def _normalized(self, text: str) -> str:
        normalizer = self._tokenizer.normalizer
        return text if normalizer is None else str(normalizer.normalize_str(text))

    def _encoded(self, text: str) -> int:
        return len(self._tokenizer.encode_batch_fast([text], add_special_tokens=False)[0])

    def _find_separators(self) -> re.Pattern[str] | None:
        """Return a pattern that cuts texts into parts to count one by one; None if none is safe."""
        added = self._tokenizer.get_added_tokens_decoder().values()
        plain = all(
            token.special and not (token.lstrip or token.rstrip or token.single_word)
            for token in added
        )
        if not plain or not splits_at_spaces(self._tokenizer.to_str()):
            return None
        return any_of(token.content for token in added)


def _ends(path: Path) -> tuple[str | None, str | None]:
    """Return the tokens that begin and end a text, as far as the file names them."""
    if not path.is_file():
        return None, None
    try:
        config = msgspec.json.decode(path.read_bytes(), type=_Config)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"not a tokenizer's configuration: {error}", file=path) from None
    begin, end = config.bos_token, config.eos_token
    return (
        begin.content if isinstance(begin, _Content) else begin,
        end.content if isinstance(end, _Content) else end,
    )

"""`tekken.json`, read with Mistral's `mistral-common`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError
from extauth.tokens.tokenizer import SegmentTokenizer, unknown_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Tekken(SegmentTokenizer):
    """A model's tokenizer from its `tekken.json`. A backend begins a prompt with `<s>`.

    Raises ConfigurationError when the file is not a tekken.json, or the package is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            from mistral_common.tokens.tokenizers.base import SpecialTokenPolicy  # noqa: PLC0415
            from mistral_common.tokens.tokenizers.tekken import Tekkenizer  # noqa: PLC0415
        except ImportError:
            raise ConfigurationError(
                "a tekken.json needs the package mistral-common; pip install 'sluicegate[mistral]'",
                file=path,
            ) from None
        if not path.is_file():
            raise ConfigurationError("no tokenizer here: there is no such file", file=path)
        try:
            self._model = Tekkenizer.from_file(path)
        except Exception as error:  # the library raises whatever a malformed file leads to
            raise ConfigurationError(f"not a tekken.json: {error}", file=path) from None
        self._keep = SpecialTokenPolicy.KEEP
        super().__init__(
            [self._model.id_to_piece(token) for token in self._model.special_ids],
            added=1,
            bos=self._model.id_to_piece(self._model.bos_id),
            eos=self._model.id_to_piece(self._model.eos_id),
        )

    def encoded(self, text: str) -> int:
        """Return the number of tokens of a text without control tokens."""
        return len(self._model.encode(text, bos=False, eos=False))

    def decode(self, ids: Sequence[int]) -> str:
        """Decode token ids, as `Tokenizer.decode` does."""
        if any(not 0 <= token < self._model.n_words for token in ids):
            raise unknown_id()
        return self._model.decode(list(ids), special_token_policy=self._keep)

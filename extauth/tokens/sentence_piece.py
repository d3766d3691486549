"""SentencePiece models, read with Google's `sentencepiece`."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError
from extauth.tokens.tokenizer import SegmentTokenizer, unknown_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class SentencePiece(SegmentTokenizer):
    """A model's tokenizer from its SentencePiece `.model`.

    A backend begins a prompt with the model's begin token, as Llama's do; if the model has none, it
    ends the prompt with the end token, as T5's do. Raises ConfigurationError when the file is not a
    SentencePiece model, or the package is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            from sentencepiece import SentencePieceProcessor  # noqa: PLC0415 - an extra
        except ImportError:
            raise ConfigurationError(
                "a SentencePiece model needs the package sentencepiece; "
                "pip install 'sluicegate[sentencepiece]'",
                file=path,
            ) from None
        try:
            self._model = SentencePieceProcessor(model_proto=path.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"no tokenizer here: {error.strerror}", file=path) from None
        except RuntimeError:
            raise ConfigurationError("not a SentencePiece model", file=path) from None
        self._size: int = self._model.get_piece_size()
        if self._size == 0:
            raise ConfigurationError("not a SentencePiece model", file=path)
        self._control_ids = {token for token in range(self._size) if self._model.is_control(token)}
        begin, end = self._model.bos_id(), self._model.eos_id()
        super().__init__(
            map(self._model.id_to_piece, self._control_ids),
            added=int(begin >= 0 or end >= 0),
            bos=self._model.id_to_piece(begin) if begin >= 0 else None,
            eos=self._model.id_to_piece(end) if end >= 0 else None,
        )

    def encoded(self, text: str) -> int:
        """Return the number of tokens of a text without control tokens."""
        return len(self._model.encode(text))

    def decode(self, ids: Sequence[int]) -> str:
        """Decode token ids, as `Tokenizer.decode` does."""
        if any(not 0 <= token < self._size for token in ids):
            raise unknown_id()
        pieces: list[str] = []
        for control, run in groupby(ids, self._control_ids.__contains__):
            tokens = list(run)
            if control:
                pieces += map(self._model.id_to_piece, tokens)
            else:
                pieces.append(self._model.decode(tokens))
        return "".join(pieces)

"""Which tokenizer a file of a snapshot holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extauth.tokens.estimate import Estimate
from extauth.tokens.sentence_piece import SentencePiece
from extauth.tokens.tekken import Tekken
from extauth.tokens.tokenizer_json import TokenizerJson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from extauth.tokens.tokenizer import Tokenizer

_KINDS: Final[dict[str, Callable[[Path], Tokenizer]]] = {
    "tokenizer.json": TokenizerJson,
    "tokenizer.model": SentencePiece,
    "tekken.json": Tekken,
}
"""By the name that the compiler gives the file."""


def open_tokenizer(path: Path | None, markers: Iterable[str]) -> Tokenizer:
    """The tokenizer in `path`, or an estimate for None; `markers` are then its control tokens.

    Raises ConfigurationError for a file that is no use.
    """
    return Estimate(markers) if path is None else _KINDS[path.name](path)

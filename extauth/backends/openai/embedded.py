"""Answers of the OpenAI API to requests for embeddings: rows, as base64 or by numbers."""

from __future__ import annotations

import binascii
import struct
from typing import TYPE_CHECKING, Final

import msgspec

from extauth.backends.backend import WholeReader
from extauth.backends.openai.answer import usage_delta, whole_answer
from extauth.backends.openai.shapes import AnswerObject, malformed
from extauth.errors import BackendError
from extauth.types import Delta
from extauth.types.answer import WHOLE, Details, Embeddings

if TYPE_CHECKING:
    from collections.abc import Mapping


class EmbeddingRow(msgspec.Struct, frozen=True):
    """An embedding, as base64 of little-endian float32 or by numbers."""

    embedding: str | list[float]
    index: int = 0


class Embedded(AnswerObject, frozen=True):
    """The whole answer."""

    data: tuple[EmbeddingRow, ...] = ()


_decoder: Final = msgspec.json.Decoder(Embedded)


class EmbeddingReader(WholeReader):
    """Reads `rows` embeddings, one for each input."""

    def __init__(self, *, rows: int) -> None:
        super().__init__()
        self._rows = rows

    def _read(self, status: int, headers: Mapping[str, str], body: bytes) -> list[Delta]:
        answer = whole_answer(status, headers, body, _decoder)
        found = [Delta(WHOLE, details=Details(data=self._embeddings(answer.data)))]
        if answer.usage is not None:
            found.append(usage_delta(answer.usage))
        return found

    def _embeddings(self, data: tuple[EmbeddingRow, ...]) -> Embeddings:
        rows = [_packed(row.embedding) for row in sorted(data, key=lambda row: row.index)]
        widths = {len(row) for row in rows}
        if (
            len(rows) != self._rows
            or len(widths) != 1
            or {row.index for row in data} != set(range(self._rows))
        ):
            raise BackendError("The model's answer is not one embedding an input.")
        width = widths.pop()
        if not width or width % 4:
            raise malformed()
        return Embeddings([memoryview(row) for row in rows], width // 4)


def _packed(embedding: str | list[float]) -> bytes:
    try:
        if isinstance(embedding, str):
            return binascii.a2b_base64(embedding, strict_mode=True)
        return struct.pack(f"<{len(embedding)}f", *embedding)
    except (ValueError, OverflowError, struct.error):
        raise malformed() from None

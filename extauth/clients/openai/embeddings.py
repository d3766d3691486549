"""POST /v1/embeddings, both ways."""

from __future__ import annotations

import binascii
import struct
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from extauth.clients.answer import JSON, error_body
from extauth.clients.body import invalid, read_json
from extauth.clients.collected import Collected
from extauth.clients.openai.options import Inputs, parse_inputs
from extauth.clients.target import parse_reference
from extauth.errors import BackendError
from extauth.types import Api, Parameters, Target
from extauth.types.answer import Embeddings
from extauth.types.call import Embedding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.clients.codec import AnswerWriter
    from extauth.errors import AnsweredError
    from extauth.types import Delta, Usage


class EmbeddingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request body, every parameter that the API has."""

    model: str
    input: Inputs
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    user: str | None = None


_decoder: Final = msgspec.json.Decoder(EmbeddingRequest)


class EmbeddingCodec(msgspec.Struct, frozen=True):
    """Texts, and an answer in embeddings."""

    call: Embedding
    base64: bool

    def writer(self, *, model_label: str, request_id: str, created: int) -> AnswerWriter:
        """Return one of a list of embeddings."""
        call = self.call
        return EmbeddingAnswer(
            model_label, rows=len(call.inputs), base64=self.base64, dimensions=call.dimensions
        )


def parse_embedding(_: Target, data: bytes, depth: int) -> EmbeddingCodec:
    """Read the body of an embedding request. Raises InvalidRequest, NotFound, RequestTooLarge."""
    body = read_json(data, _decoder, depth)
    inputs = parse_inputs(body.input, "input")
    call = Embedding(
        parse_reference(body.model), Parameters(inputs=len(inputs)), (), inputs, body.dimensions
    )
    return EmbeddingCodec(call, body.encoding_format == "base64")


class EmbeddingAnswer:
    """A `list` of `embedding`, by numbers or as base64 of little-endian float32."""

    content_type = JSON
    headers: tuple[tuple[str, str], ...] = ()
    streaming = False

    def __init__(self, label: str, *, rows: int, base64: bool, dimensions: int | None) -> None:
        self._label = label
        self._rows = rows
        self._base64 = base64
        self._dimensions = dimensions
        self._collected = Collected()

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Return nothing yet."""
        self._collected.add(deltas)
        return b""

    def finish(self, usage: Usage) -> bytes:
        """Return the whole answer.

        Raises BackendError when it is not one row an input, InvalidRequest when the model's rows
        do not have the dimensions that were asked for.
        """
        found = self._collected.data
        if not isinstance(found, Embeddings):
            raise BackendError("The model's answer ended early.")
        if len(found.rows) != self._rows:
            raise BackendError("The model's answer is not one embedding an input.")
        if self._dimensions not in (None, found.width):
            raise invalid("dimensions", f"this model's embeddings have {found.width}.")
        row = f"<{found.width}f"
        return msgspec.json.encode(
            {
                "object": "list",
                "data": [
                    {"object": "embedding", "index": index, "embedding": self._written(row, vector)}
                    for index, vector in enumerate(found.rows)
                ],
                "model": self._label,
                "usage": {
                    "prompt_tokens": usage.prompt_tokens,
                    "total_tokens": usage.prompt_tokens,
                },
            }
        )

    def error(self, error: AnsweredError) -> bytes:
        """Return the body of an error answer."""
        return error_body(Api.OPENAI, error)

    def _written(self, row: str, vector: memoryview) -> str | list[float]:
        if self._base64:
            return binascii.b2a_base64(vector, newline=False).decode("ascii")
        return list(struct.unpack(row, vector))

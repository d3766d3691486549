"""POST /v1/embeddings, both ways: a row of one Triton `infer` request an input."""

from __future__ import annotations

import binascii
import struct
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from extauth.clients.answer import JSON, error_body
from extauth.clients.body import invalid, read_json
from extauth.clients.call import UpstreamRequest
from extauth.clients.generate import require_task
from extauth.clients.kserve.inferred import TensorAnswer
from extauth.clients.openai.prompt import Inputs, Item, decoded, parse_inputs, texts_of
from extauth.clients.strings import Replacer
from extauth.clients.target import parse_reference, triton_path
from extauth.clients.whole import WholeCall
from extauth.errors import BackendError
from extauth.types import Api, Delta, ModelReference, Operation, Parameters, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.clients.call import CallModel, ResponseCodec
    from extauth.errors import AnsweredError
    from extauth.types import Source, Usage

_TASKS: Final = ("embedding",)
_HEADERS: Final = (("content-type", "application/json"),)
# Bytes are cheaper to pass on than numbers are to read.
_OUTPUTS: Final = [{"name": "embedding", "parameters": {"binary_data": True}}]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request body, every parameter that the API has."""

    model: str
    input: Inputs
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    user: str | None = None


_decoder: Final = msgspec.json.Decoder(Body)


class EmbeddingCall(WholeCall, frozen=True):
    """A parsed embedding request (`protocol.call.Call`)."""

    target: Target
    reference: ModelReference
    parameters: Parameters
    inputs: tuple[Item, ...]
    base64: bool
    dimensions: int | None

    @property
    def stops(self) -> tuple[str, ...]:
        """None: nothing is generated."""
        return ()

    def bind(self, model: CallModel) -> EmbeddingCall:
        """The call with token ids decoded."""
        return msgspec.structs.replace(self, inputs=decoded(self.inputs, model))

    def texts(self) -> list[str]:
        """The inputs."""
        return texts_of(self.inputs, "input")

    def sources(self) -> list[Source]:
        """The user's, all of them: the API knows no other."""
        return ["user"] * len(self.texts())

    def replace(self, texts: Sequence[str]) -> EmbeddingCall:
        """The same request with other texts."""
        change = Replacer(texts)
        inputs = tuple([change("") for _ in self.inputs])
        change.done()
        return msgspec.structs.replace(self, inputs=inputs)

    def unsupported(self) -> AnsweredError | None:
        """None: dimensions can only be compared with the answer's."""
        return None

    def prompts(self, model: CallModel) -> list[str]:
        """The inputs as they are."""
        require_task(model.task, _TASKS, Operation.EMBEDDINGS)
        texts = self.texts()
        model.admit(texts)
        return texts

    def request(
        self,
        model: CallModel,
        version: str,
        prompts: Sequence[str],
        max_tokens: int | None,
    ) -> UpstreamRequest:
        """To `infer`, all inputs in one batch."""
        tensor = {
            "name": "text_input",
            "shape": (len(prompts), 1),
            "datatype": "BYTES",
            "data": prompts,
        }
        body = msgspec.json.encode({"inputs": [tensor], "outputs": _OUTPUTS})
        return UpstreamRequest(triton_path(Operation.INFER, model.name, version), body, _HEADERS)

    def response(self, *, model_label: str, request_id: str, created: int) -> ResponseCodec:
        """A list of embeddings."""
        return EmbeddingAnswer(
            model_label, rows=len(self.inputs), base64=self.base64, dimensions=self.dimensions
        )


def parse_embedding(target: Target, data: bytes, depth: int) -> EmbeddingCall:
    """Read the body of an embedding request. Raises InvalidRequest, NotFound, RequestTooLarge."""
    body = read_json(data, _decoder, depth)
    inputs = parse_inputs(body.input, "input")
    return EmbeddingCall(
        target,
        parse_reference(body.model),
        Parameters(inputs=len(inputs)),
        inputs,
        body.encoding_format == "base64",
        body.dimensions,
    )


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
        self._triton = TensorAnswer()
        self._row = ""
        self._vectors: list[memoryview] | None = None

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Triton's status and headers."""
        self._triton.start(status, headers)

    def decode(self, chunk: bytes, end: bool) -> list[Delta]:
        """No deltas: an embedding has no text."""
        self._triton.add(chunk)
        if end:
            _, tensors = self._triton.read()
            found = [tensor for tensor in tensors if tensor.name == "embedding"]
            if not found or found[0].datatype != "FP32" or not found[0].binary:
                raise BackendError("The model's answer holds no embedding.")
            data, shape = found[0].data, found[0].shape
            if len(shape) != 2 or shape[0] != self._rows or len(data) != 4 * found[0].size:
                raise BackendError("The model's answer is not one embedding an input.")
            if self._dimensions not in (None, shape[1]):
                raise invalid("dimensions", f"this model's embeddings have {shape[1]}.")
            self._row = f"<{shape[1]}f"
            view, width = memoryview(data), 4 * shape[1]
            self._vectors = [view[row * width : (row + 1) * width] for row in range(self._rows)]
        return []

    def encode(self, _: Sequence[Delta]) -> bytes:
        """Nothing: there are no deltas."""
        return b""

    def finish(self, usage: Usage) -> bytes:
        """The whole answer. Raises BackendError when there was none."""
        if self._vectors is None:
            raise BackendError("The model's answer ended early.")
        return msgspec.json.encode(
            {
                "object": "list",
                "data": [
                    {"object": "embedding", "index": index, "embedding": self._written(vector)}
                    for index, vector in enumerate(self._vectors)
                ],
                "model": self._label,
                "usage": {
                    "prompt_tokens": usage.prompt_tokens,
                    "total_tokens": usage.prompt_tokens,
                },
            }
        )

    def error(self, error: AnsweredError) -> bytes:
        """The body of an error answer."""
        return error_body(Api.OPENAI, error)

    def _written(self, vector: memoryview) -> str | list[float]:
        if self._base64:
            return binascii.b2a_base64(vector, newline=False).decode("ascii")
        return list(struct.unpack(self._row, vector))

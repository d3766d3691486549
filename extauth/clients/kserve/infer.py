"""POST /v2/models/{model}/infer, the request side: tensors as JSON or as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from extauth.clients.body import convert, invalid, read_json, unsupported
from extauth.clients.call import UpstreamRequest
from extauth.clients.kserve.fields import Fields
from extauth.clients.kserve.inferred import InferCodec
from extauth.clients.strings import Replacer
from extauth.clients.target import triton_path
from extauth.clients.tensors import (
    HEADER_LENGTH,
    BinarySize,
    Tensor,
    TensorHead,
    numeric,
    read_tensors,
    write_tensors,
)
from extauth.clients.whole import WholeCall
from extauth.errors import InvalidRequest, NotFound
from extauth.types import ModelReference, Operation, Parameters, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.clients.call import CallModel, ResponseCodec
    from extauth.errors import AnsweredError
    from extauth.types import Source

TensorName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}\Z")]


Datatype = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64",
    "FP16", "FP32", "FP64", "BF16", "BYTES",
]  # fmt: skip


class InputParameters(BinarySize, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An input's parameters; those of shared memory are unknown here, so refused."""


class Input(TensorHead, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An input tensor in the JSON."""

    name: TensorName
    datatype: Datatype
    parameters: InputParameters | None = None


class OutputParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An output's parameters; classification and shared memory are refused."""

    binary_data: bool | None = None


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A requested output."""

    name: TensorName
    parameters: OutputParameters | None = None


class RequestParameters(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The request's parameters.

    All others are refused: priority, timeout, headers, sequences and `triton_*` are the gateway's.
    """

    binary_data_output: bool | None = None


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON of an inference request."""

    inputs: Annotated[list[Input], Meta(min_length=1)]
    id: Annotated[str, Meta(max_length=256)] | None = None
    outputs: list[Output] | None = None
    parameters: RequestParameters | None = None


class UpstreamBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON that goes to Triton; the client's `id` stays here."""

    inputs: list[TensorHead]
    outputs: list[Output] | None = None
    parameters: RequestParameters | None = None


_decoder: Final = msgspec.json.Decoder(Body)
_FIELDS: Final = frozenset(Fields.__struct_fields__)


class InferCall(WholeCall, frozen=True):
    """A parsed inference request (`protocol.call.Call`)."""

    target: Target
    reference: ModelReference
    parameters: Parameters
    tensors: list[Tensor]
    outputs: list[Output] | None
    options: RequestParameters | None
    id: str | None

    @property
    def stops(self) -> list[str]:
        """The elements of the tensor of that name."""
        return [
            text for tensor in self.tensors if tensor.name == "stop" for text in tensor.texts or ()
        ]

    def bind(self, _: CallModel) -> InferCall:
        """Itself: tensors are not token ids to us."""
        return self

    def texts(self) -> list[str]:
        """The elements of every BYTES tensor."""
        return [text for tensor in self.tensors for text in tensor.texts or ()]

    @property
    def given_ids(self) -> int:
        """The elements of the largest tensor of whole numbers, where there is no text.

        As many are beside it in the attention mask, and in what else a model reads with ids.
        """
        if _prompts(self.tensors):
            return 0
        sizes = (tensor.size for tensor in self.tensors if _holds_ids(tensor))
        return max(sizes, default=0)

    def sources(self) -> list[Source]:
        """The user's, all of them: the API knows no other."""
        return ["user"] * len(self.texts())

    def replace(self, texts: Sequence[str]) -> InferCall:
        """The same tensors with other elements; their lengths are computed anew."""
        change = Replacer(texts)
        tensors = [tensor.changed(change) for tensor in self.tensors]
        change.done()
        return msgspec.structs.replace(self, tensors=tensors)

    def unsupported(self) -> AnsweredError | None:
        """None: every field that is read is honoured."""
        return None

    def prompts(self, model: CallModel) -> list[str]:
        """The elements of every BYTES tensor but the stop strings; without any, an empty one.

        Of a model that generates only one: its bound, and so the reservation, is a prompt's.
        """
        texts = _prompts(self.tensors)
        if model.task != "embedding" and len(texts) > 1:
            raise unsupported("inputs", "Only one prompt a request is supported.")
        model.admit(texts)
        return texts or [""]

    def request(
        self,
        model: CallModel,
        version: str,
        prompts: Sequence[str],
        max_tokens: int | None,
    ) -> UpstreamRequest:
        """The tensors, binary ones as they came; `max_tokens` is a tensor of one element."""
        tensors = self.tensors
        if max_tokens is not None and model.task != "embedding":
            tensors = _bounded(tensors, max_tokens)
        heads, tail = write_tensors(tensors)
        body = msgspec.json.encode(UpstreamBody(heads, self.outputs, self.options))
        path = triton_path(Operation.INFER, model.name, version)
        if not any(tensor.binary for tensor in tensors):
            return UpstreamRequest(path, body, (("content-type", "application/json"),))
        headers = (("content-type", "application/octet-stream"), (HEADER_LENGTH, str(len(body))))
        return UpstreamRequest(path, body + tail, headers)

    def response(self, *, model_label: str, request_id: str, created: int) -> ResponseCodec:
        """The tensors that Triton answers with, their texts open to change."""
        return InferCodec(self.id)


def parse_infer(target: Target, headers: Mapping[str, str], data: bytes, depth: int) -> InferCall:
    """Read the body of an inference request. Raises InvalidRequest or RequestTooLarge."""
    if target.model is None:
        raise NotFound("There is no such route.")
    length = _header_length(headers, len(data))
    body = read_json(data[:length], _decoder, depth)
    if len({head.name for head in body.inputs}) != len(body.inputs):
        raise invalid("inputs", "a name is there twice.")
    try:
        tensors = read_tensors(body.inputs, data[length:])
    except ValueError as error:
        raise invalid("inputs", f"{error}.") from None
    for tensor in tensors:
        if tensor.datatype == "BYTES" and tensor.texts is None:
            raise InvalidRequest(
                f"Invalid 'inputs': tensor '{tensor.name}' is no UTF-8.",
                code="unreadable_text",
                param="inputs",
            )
    fields = _fields(tensors)
    if fields.stream:
        raise invalid("stream", "infer answers at once, generate_stream by events.")
    return InferCall(
        target,
        target.model,
        fields.facts(stream=False, inputs=len(_prompts(tensors))),
        tensors,
        body.outputs,
        body.parameters,
        body.id,
    )


def _header_length(headers: Mapping[str, str], size: int) -> int:
    value = headers.get(HEADER_LENGTH)
    if value is None:
        return size
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and int(value) <= size):
        raise InvalidRequest(
            f"'{HEADER_LENGTH}' must be the length of the JSON.", code="invalid_header"
        )
    return int(value)


def _prompts(tensors: Sequence[Tensor]) -> list[str]:
    return [text for tensor in tensors if tensor.name != "stop" for text in tensor.texts or ()]


def _holds_ids(tensor: Tensor) -> bool:
    return "INT" in tensor.datatype and tensor.name not in _FIELDS


def _fields(tensors: Sequence[Tensor]) -> Fields:
    """The inputs that a policy may look at, checked like the members of a generate request."""
    values: dict[str, Any] = {}
    for tensor in tensors:
        if tensor.name not in _FIELDS:
            continue
        if tensor.name == "stop":
            values["stop"] = tensor.texts
            continue
        try:
            numbers = tensor.numbers()
        except ValueError as error:
            raise invalid(tensor.name, f"{error}.") from None
        if len(numbers) != 1 or tensor.size != 1:
            raise invalid(tensor.name, "it must have one element.")
        values[tensor.name] = numbers[0]
    return convert(values, Fields)


def _bounded(tensors: list[Tensor], max_tokens: int) -> list[Tensor]:
    rank = next((len(tensor.shape) for tensor in tensors if tensor.texts is not None), 1)
    given = next((tensor for tensor in tensors if tensor.name == "max_tokens"), None)
    datatype = given.datatype if given else "INT32"
    shape = given.shape if given else [1] * rank
    bound = numeric("max_tokens", datatype, shape, [max_tokens])
    return [*(tensor for tensor in tensors if tensor.name != "max_tokens"), bound]

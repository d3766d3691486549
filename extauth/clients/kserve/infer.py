"""POST /v2/models/{model}/infer, the request side: tensors as JSON or as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from extauth.clients.body import convert, invalid, read_json
from extauth.clients.kserve.generate import GenerateFields
from extauth.clients.kserve.inferred import InferAnswer
from extauth.errors import InvalidRequest, NotFound
from extauth.types import Target
from extauth.types.call import Infer, WantedOutput
from extauth.types.call.infer import PARAMETERS, prompts_of
from extauth.types.call.tensors import HEADER_LENGTH, BinarySize, Tensor, TensorHead, read_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.clients.codec import AnswerWriter

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


class OutputParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An output's parameters; classification and shared memory are refused."""

    binary_data: bool | None = None


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A requested output."""

    name: TensorName
    parameters: OutputParameters = OutputParameters()


class RequestParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request's parameters.

    All others are refused: priority, timeout, headers, sequences and `triton_*` are the gateway's.
    """

    binary_data_output: bool | None = None


class InferRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON of an inference request."""

    inputs: Annotated[list[Input], Meta(min_length=1)]
    id: Annotated[str, Meta(max_length=256)] | None = None
    outputs: list[Output] | None = None
    parameters: RequestParameters | None = None


_decoder: Final = msgspec.json.Decoder(InferRequest)


class InferCodec(msgspec.Struct, frozen=True):
    """Tensors, and an answer in tensors."""

    call: Infer
    id: str | None = None

    def writer(self, *, model_label: str, request_id: str, created: int) -> AnswerWriter:
        """Return one that answers with the client's own id."""
        return InferAnswer(self.id)


def parse_infer(target: Target, headers: Mapping[str, str], data: bytes, depth: int) -> InferCodec:
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
                f"Invalid 'inputs': tensor '{tensor.name}' is not UTF-8.",
                code="unreadable_text",
                param="inputs",
            )
    fields = _fields(tensors)
    if fields.stream:
        raise invalid("stream", "infer answers at once, generate_stream by events.")
    outputs = None
    if body.outputs is not None:
        outputs = [WantedOutput(each.name, each.parameters.binary_data) for each in body.outputs]
    call = Infer(
        target.model,
        fields.facts(stream=False, inputs=len(prompts_of(tensors))),
        (("tensors", "inputs"),),
        tensors,
        outputs,
        body.parameters.binary_data_output if body.parameters else None,
    )
    return InferCodec(call, body.id)


def _header_length(headers: Mapping[str, str], size: int) -> int:
    value = headers.get(HEADER_LENGTH)
    if value is None:
        return size
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and int(value) <= size):
        raise InvalidRequest(
            f"'{HEADER_LENGTH}' must be the length of the JSON.", code="invalid_header"
        )
    return int(value)


def _fields(tensors: Sequence[Tensor]) -> GenerateFields:
    """Return the inputs that a policy may look at, checked like those of a generate request."""
    values: dict[str, Any] = {}
    for tensor in tensors:
        if tensor.name not in PARAMETERS:
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
    return convert(values, GenerateFields)

"""Requests to Triton: one prompt to its generate extension, tensors to infer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from extauth.backends.backend import UpstreamRequest
from extauth.types import Operation
from extauth.types.call.tensors import (
    HEADER_LENGTH,
    Tensor,
    TensorHead,
    numeric,
    write_tensors,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.settings import Model
    from extauth.types.call import Infer, Sampling

_TINY_TOP_P: Final = 1e-6
_HEADERS: Final = (("content-type", "application/json"),)
# Bytes are cheaper to pass on than numbers are to read.
_EMBEDDING: Final = [{"name": "embedding", "parameters": {"binary_data": True}}]
_SUFFIXES: Final = {
    Operation.MODEL_METADATA: "",
    Operation.MODEL_READY: "/ready",
    Operation.INFER: "/infer",
    Operation.GENERATE: "/generate",
    Operation.GENERATE_STREAM: "/generate_stream",
}


class Generate(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The JSON of a generate request: a member an input tensor; what is left out has a default.

    The backends for vLLM and TensorRT-LLM tell the last three only when asked; to a model without
    such inputs they are parameters, which it does not read.
    """

    text_input: str
    stream: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int = 1
    stop: Sequence[str] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    return_num_input_tokens: bool | None = None
    return_num_output_tokens: bool | None = None
    return_finish_reason: bool | None = None


class WrittenOutputParameters(msgspec.Struct, frozen=True):
    """The form that an output is wanted in."""

    binary_data: bool


class WrittenOutput(msgspec.Struct, frozen=True, omit_defaults=True):
    """A requested output."""

    name: str
    parameters: WrittenOutputParameters | None = None


class InferParameters(msgspec.Struct, frozen=True):
    """The form that outputs are wanted in that have no wish of their own."""

    binary_data_output: bool


class InferBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON of an inference request; the client's `id` stays here."""

    inputs: list[TensorHead]
    outputs: list[WrittenOutput] | None = None
    parameters: InferParameters | None = None


_encode: Final = msgspec.json.Encoder().encode


def triton_path(operation: Operation, model: str, version: str) -> str:
    """Return Triton's own path for a KServe operation on one version of a model."""
    return f"/v2/models/{model}/versions/{version}{_SUFFIXES[operation]}"


def generate_request(
    model: Model,
    version: str,
    prompt: str,
    max_tokens: int | None,
    *,
    stream: bool,
    sampling: Sampling,
    stops: Sequence[str],
    asks_counts: bool,
) -> UpstreamRequest:
    """Return the request for one prompt, to `generate` or, streaming, to `generate_stream`."""
    asks = asks_counts or None
    body = Generate(
        text_input=prompt,
        stream=stream,
        max_tokens=max_tokens,
        temperature=sampling.temperature,
        # Nucleus sampling over nothing is greedy; a server may divide by it.
        top_p=_TINY_TOP_P if sampling.top_p == 0 else sampling.top_p,
        n=sampling.n or 1,
        stop=stops,
        seed=sampling.seed,
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        return_num_input_tokens=asks,
        return_num_output_tokens=asks,
        return_finish_reason=asks,
    )
    operation = Operation.GENERATE_STREAM if stream else Operation.GENERATE
    path = triton_path(operation, model.name, version)
    return UpstreamRequest(path, _encode(body), _HEADERS, stream)


def embedding_request(model: Model, version: str, inputs: Sequence[str]) -> UpstreamRequest:
    """Return the request for embeddings, to `infer`, all inputs in one batch."""
    tensor = {
        "name": "text_input",
        "shape": (len(inputs), 1),
        "datatype": "BYTES",
        "data": inputs,
    }
    body = _encode({"inputs": [tensor], "outputs": _EMBEDDING})
    return UpstreamRequest(triton_path(Operation.INFER, model.name, version), body, _HEADERS)


def infer_request(
    call: Infer, model: Model, version: str, max_tokens: int | None
) -> UpstreamRequest:
    """Return the tensors, binary ones as they came; `max_tokens` is a tensor of one element."""
    tensors = call.tensors
    if max_tokens is not None and model.task != "embedding":
        tensors = _bounded(tensors, max_tokens)
    heads, tail = write_tensors(tensors)
    outputs = None
    if call.outputs is not None:
        outputs = [
            WrittenOutput(
                one.name, None if one.binary is None else WrittenOutputParameters(one.binary)
            )
            for one in call.outputs
        ]
    parameters = None if call.binary is None else InferParameters(call.binary)
    body = _encode(InferBody(heads, outputs, parameters))
    path = triton_path(Operation.INFER, model.name, version)
    if not any(tensor.binary for tensor in tensors):
        return UpstreamRequest(path, body, _HEADERS)
    headers = (("content-type", "application/octet-stream"), (HEADER_LENGTH, str(len(body))))
    return UpstreamRequest(path, body + tail, headers)


def _bounded(tensors: list[Tensor], max_tokens: int) -> list[Tensor]:
    rank = next((len(tensor.shape) for tensor in tensors if tensor.texts is not None), 1)
    given = next((tensor for tensor in tensors if tensor.name == "max_tokens"), None)
    datatype = given.datatype if given else "INT32"
    shape = given.shape if given else [1] * rank
    bound = numeric("max_tokens", datatype, shape, [max_tokens])
    return [*(tensor for tensor in tensors if tensor.name != "max_tokens"), bound]

"""Triton's generate extension, the request side: the one body that our language models read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from extauth.clients.call import UpstreamRequest
from extauth.clients.target import triton_path
from extauth.errors import InvalidRequest
from extauth.types import Operation

if TYPE_CHECKING:
    from extauth.clients.call import CallModel

INT32_MAX: Final = 2**31 - 1

# Ranges of the OpenAI API, and of the tensors behind it where that sets none.
MaxTokens = Annotated[int, Meta(ge=1, le=INT32_MAX)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
TopP = Annotated[float, Meta(ge=0, le=1)]
Choices = Annotated[int, Meta(ge=1, le=128)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
StopString = Annotated[str, Meta(min_length=1)]
StopStrings = Annotated[list[StopString], Meta(max_length=4)]
Stop = StopString | StopStrings

_TINY_TOP_P: Final = 1e-6
_HEADERS: Final = (("content-type", "application/json"),)


class Sampling(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The sampling parameters that the OpenAI API and our models name alike."""

    temperature: Temperature | None = None
    top_p: TopP | None = None
    n: Choices | None = None
    stop: Stop | None = None
    seed: Seed | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None

    @property
    def stops(self) -> list[str]:
        """The stop strings, however they were given."""
        if isinstance(self.stop, str):
            return [self.stop]
        return self.stop or []


class Body(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
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
    stop: list[str] = []
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    return_num_input_tokens: bool | None = None
    return_num_output_tokens: bool | None = None
    return_finish_reason: bool | None = None


_encode: Final = msgspec.json.Encoder().encode


def generate_request(
    model: CallModel,
    version: str,
    prompt: str,
    max_tokens: int | None,
    *,
    stream: bool,
    sampling: Sampling,
    stops: list[str],
) -> UpstreamRequest:
    """The request for one prompt, to `generate` or, streaming, to `generate_stream`."""
    body = Body(
        text_input=prompt,
        stream=stream,
        max_tokens=max_tokens,
        temperature=sampling.temperature,
        # Nucleus sampling over nothing is greedy; a backend may divide by it.
        top_p=_TINY_TOP_P if sampling.top_p == 0 else sampling.top_p,
        n=sampling.n or 1,
        stop=stops,
        seed=sampling.seed,
        presence_penalty=sampling.presence_penalty,
        frequency_penalty=sampling.frequency_penalty,
        return_num_input_tokens=model.external or None,
        return_num_output_tokens=model.external or None,
        return_finish_reason=model.external or None,
    )
    operation = Operation.GENERATE_STREAM if stream else Operation.GENERATE
    return UpstreamRequest(triton_path(operation, model.name, version), _encode(body), _HEADERS)


def require_task(task: str, tasks: tuple[str, ...], operation: Operation) -> None:
    """Refuse an operation that the model is not for. Raises InvalidRequest."""
    if task not in tasks:
        raise InvalidRequest(
            f"This model does not do {operation}: it is for {task}.",
            code="unsupported_operation",
            param="model",
        )

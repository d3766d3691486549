"""A Triton server as a backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extauth.backends.triton.generated import GenerateReader
from extauth.backends.triton.inferred import EmbeddingTensorReader, InferReader
from extauth.backends.triton.request import (
    embedding_request,
    generate_request,
    infer_request,
    triton_path,
)
from extauth.types.call import Chat, Completion, Embedding, Infer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.backends.backend import AnswerReader, UpstreamRequest
    from extauth.settings import Model
    from extauth.types import Operation
    from extauth.types.call import Call

PARAMETERS: Final = frozenset(
    {
        *("stream", "temperature", "top_p", "n", "stop", "seed"),
        *("presence_penalty", "frequency_penalty"),
    }
)
"""Everything that a model can be asked for, each by an input of its name; a stream by itself."""


class TritonBackend:
    """Speaks to a Triton server: prompts are rendered here, and it reads text or tensors.

    An `external` one is run by somebody else, and may have to be asked for its counts.
    """

    def __init__(self, *, external: bool) -> None:
        self._external = external

    def capabilities(self, model: Model) -> frozenset[str]:
        """Return what the model's inputs can ask for; see `Backend.capabilities`.

        Tools are the chat template's: the model is told of them, and answers in text. A model that
        streams is decoupled, and Triton answers such a one's `infer` with an error.
        """
        if model.parameters is None:
            return PARAMETERS | {"tools", "tensors"}
        honoured = PARAMETERS.intersection(model.parameters)
        return honoured | ({"tools"} if "stream" in honoured else {"tools", "tensors"})

    def request(
        self,
        call: Call,
        model: Model,
        version: str,
        prompts: Sequence[str],
        max_tokens: int | None,
    ) -> UpstreamRequest:
        """Write the request; see `Backend.request`."""
        if isinstance(call, Chat | Completion):
            return generate_request(
                model,
                version,
                prompts[0],
                max_tokens,
                stream=call.parameters.stream,
                sampling=call.options,
                stops=call.stops,
                asks_counts=self._external,
            )
        if isinstance(call, Embedding):
            return embedding_request(model, version, prompts)
        if isinstance(call, Infer):
            return infer_request(call, model, version, max_tokens)
        raise TypeError(f"Triton has no request for a {type(call).__name__}")

    def reader(self, call: Call) -> AnswerReader:
        """Return the reader of the answer; see `Backend.reader`."""
        if isinstance(call, Infer):
            return InferReader()
        if isinstance(call, Embedding):
            return EmbeddingTensorReader()
        return GenerateReader(
            choices=call.parameters.n,
            streaming=call.parameters.stream,
            outputs=isinstance(call, Completion) and call.outputs,
        )

    def metadata_path(self, operation: Operation, model: str, version: str) -> str | None:
        """Return Triton's own path; see `Backend.metadata_path`."""
        return triton_path(operation, model, version)

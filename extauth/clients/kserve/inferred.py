"""The answer to an inference request: BYTES outputs open to change, other tensors untouched."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.clients.answer import JSON, error_body
from extauth.clients.collected import Collected
from extauth.errors import BackendError
from extauth.types import Api
from extauth.types.answer import TensorAnswer
from extauth.types.call.tensors import (
    HEADER_LENGTH,
    Tensor,
    TensorHead,
    is_text,
    write_tensors,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.errors import AnsweredError
    from extauth.types import Delta, Usage


class Inferred(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON of an inference answer."""

    model_name: str
    model_version: str
    outputs: list[TensorHead]
    id: str | None = None
    parameters: dict[str, Any] | None = None


class InferAnswer:
    """The answer to a KServe client: each element of a BYTES output is a choice."""

    content_type = JSON
    headers: tuple[tuple[str, str], ...] = ()
    streaming = False

    def __init__(self, request_id: str | None) -> None:
        self._id = request_id
        self._collected = Collected()

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Return nothing yet."""
        self._collected.add(deltas)
        answer = self._collected.data
        if isinstance(answer, TensorAnswer) and any(one.binary for one in answer.tensors):
            self.content_type = "application/octet-stream"
        return b""

    def finish(self, usage: Usage) -> bytes:
        """Return the whole answer, with the tokens that are charged where the model tells some.

        Raises BackendError when there was none.
        """
        answer = self._collected.data
        if not isinstance(answer, TensorAnswer):
            raise BackendError("The model's answer ended early.")
        choices = dict(self._collected.choices())
        index = itertools.count()

        def restored(_: str) -> str:
            choice = choices.get(next(index))
            return choice.text if choice else ""

        charged = {"completion_tokens": self._completion(answer)}
        prompt = next((one for one in answer.tensors if one.name == "prompt_tokens"), None)
        if prompt is not None and prompt.size == 1:
            charged["prompt_tokens"] = [usage.prompt_tokens]
        tensors = [
            _counting(tensor, charged.get(tensor.name, ()))
            if tensor.texts is None
            else tensor.changed(restored)
            for tensor in answer.tensors
        ]
        heads, tail = write_tensors(tensors)
        head = Inferred(
            answer.model_name,
            answer.model_version,
            heads,
            self._id,
            answer.parameters or None,
        )
        body = msgspec.json.encode(head)
        if any(tensor.binary for tensor in tensors):
            self.headers = ((HEADER_LENGTH, str(len(body))),)
        return body + tail

    def error(self, error: AnsweredError) -> bytes:
        """Return the body of an error answer."""
        return error_body(Api.KSERVE, error)

    def _completion(self, answer: TensorAnswer) -> list[object]:
        """Return the charged tokens of each element of `text_output` that has some."""
        choices = dict(self._collected.choices())
        place, counts = 0, []
        for tensor in answer.tensors:
            for at, text in enumerate(tensor.texts or (), place):
                tokens = choices[at].tokens if at in choices else None
                if tensor.name == "text_output" and tokens is not None and is_text(text):
                    counts.append(tokens)
            place += len(tensor.texts or ())
        return list(counts)


def _counting(tensor: Tensor, charged: Sequence[object]) -> Tensor:
    """Return a tensor of numbers with those that are charged in it, if it has as many."""
    return tensor.counting(list(charged)) if len(charged) == tensor.size else tensor

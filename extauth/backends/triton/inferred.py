"""Triton's answers to infer: tensors, or the rows of an embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from extauth.backends.backend import WholeReader
from extauth.backends.triton.failure import failure
from extauth.errors import BackendError
from extauth.types import Delta
from extauth.types.answer import WHOLE, Details, Embeddings, TensorAnswer
from extauth.types.call.tensors import HEADER_LENGTH, Tensor, TensorHead, is_text, read_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping


class InferResponse(msgspec.Struct, frozen=True):
    """The JSON of an inference answer."""

    model_name: str
    model_version: str
    outputs: list[TensorHead]
    parameters: dict[str, Any] = {}


_decoder: Final = msgspec.json.Decoder(InferResponse)


class _TensorReader(WholeReader):
    """Reads an answer in JSON, behind which the tensors of the binary extension follow."""

    def _read(self, status: int, headers: Mapping[str, str], body: bytes) -> list[Delta]:
        if status != 200:
            raise failure(status, body)
        try:
            length = int(headers.get(HEADER_LENGTH, len(body)))
            answer = _decoder.decode(body[:length])
            tensors = read_tensors(answer.outputs, body[length:], errors="surrogateescape")
        except ValueError:  # msgspec's and Unicode's errors are ones too
            raise BackendError("The model's answer is malformed.") from None
        return self._deltas(answer, tensors)

    def _deltas(self, answer: InferResponse, tensors: list[Tensor]) -> list[Delta]:
        raise NotImplementedError


class InferReader(_TensorReader):
    """Reads tensors: each element of a BYTES output is a choice.

    One that is not UTF-8 is text as far as it goes, for whoever looks for something in it.
    """

    def _deltas(self, answer: InferResponse, tensors: list[Tensor]) -> list[Delta]:
        # Strings among the parameters would be words of the model that nobody has looked at.
        parameters = {
            name: value
            for name, value in answer.parameters.items()
            if isinstance(value, bool | int | float)
        }
        data = TensorAnswer(answer.model_name, answer.model_version, tensors, parameters)
        prompts = _counts(tensors, "prompt_tokens")
        prompt = sum(prompts) if prompts else None
        return [
            Delta(WHOLE, prompt_tokens=prompt, details=Details(data=data)),
            *(
                Delta(index, text, "stop", tokens, prompt)
                for index, (text, tokens) in enumerate(_elements(tensors))
            ),
        ]


class EmbeddingTensorReader(_TensorReader):
    """Reads the tensor `embedding`, of float32."""

    def _deltas(self, answer: InferResponse, tensors: list[Tensor]) -> list[Delta]:
        found = next((tensor for tensor in tensors if tensor.name == "embedding"), None)
        if found is None or found.datatype != "FP32" or not found.binary:
            raise BackendError("The model's answer holds no embedding.")
        shape = found.shape
        if len(shape) != 2 or len(found.data) != 4 * found.size:
            raise BackendError("The model's answer is not one embedding an input.")
        view, width = memoryview(found.data), 4 * shape[1]
        rows = [view[row * width : (row + 1) * width] for row in range(shape[0])]
        return [Delta(WHOLE, details=Details(data=Embeddings(rows, shape[1])))]


def _elements(tensors: list[Tensor]) -> list[tuple[str, int | None]]:
    """Return each element of text with its tokens, where the model tells them."""
    counts = _counts(tensors, "completion_tokens")
    elements: list[tuple[str, int | None]] = []
    for tensor in tensors:
        for place, text in enumerate(tensor.texts or ()):
            tokens = None
            if tensor.name == "finish_reason" or not is_text(text):
                tokens = 0
            elif tensor.name == "text_output" and place < len(counts):
                tokens = counts[place]
            elements.append((text, tokens))
    return elements


def _counts(tensors: list[Tensor], name: str) -> list[int]:
    """Return the elements of a tensor of whole numbers; none when there is no such tensor."""
    for tensor in tensors:
        if tensor.name == name:
            try:
                return msgspec.convert(tensor.numbers(), list[int])
            except ValueError:  # msgspec's errors are ones too
                raise BackendError("The model's answer is malformed.") from None
    return []

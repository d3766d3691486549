"""The answer to an inference request: BYTES outputs open to change, other tensors untouched."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import msgspec

from extauth.clients.answer import JSON, error_body
from extauth.clients.collected import Collected
from extauth.clients.tensors import HEADER_LENGTH, Tensor, TensorHead, read_tensors, write_tensors
from extauth.clients.triton import failure
from extauth.errors import BackendError
from extauth.types import Api, Delta

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.errors import AnsweredError
    from extauth.types import Usage


class Inferred(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON of an inference answer."""

    model_name: str
    model_version: str
    outputs: list[TensorHead]
    id: str | None = None
    parameters: dict[str, Any] | None = None


_decoder: Final = msgspec.json.Decoder(Inferred)


class TensorAnswer:
    """Collects Triton's answer to `infer`, JSON or binary: what two codecs read from."""

    __slots__ = ("_body", "_length", "_status")

    def __init__(self) -> None:
        self._body = bytearray()
        self._length: str | None = None
        self._status = 200

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Triton's status and headers: where the JSON ends."""
        self._status = status
        self._length = headers.get(HEADER_LENGTH)

    def add(self, chunk: bytes) -> None:
        """Keep a chunk."""
        self._body += chunk

    def read(self) -> tuple[Inferred, list[Tensor]]:
        """The whole answer. Raises as `ResponseCodec.decode` does."""
        body = bytes(self._body)
        self._body.clear()
        if self._status != 200:
            raise failure(self._status, body)
        try:
            length = len(body) if self._length is None else int(self._length)
            answer = _decoder.decode(body[:length])
            return answer, read_tensors(answer.outputs, body[length:], errors="surrogateescape")
        except ValueError:  # msgspec's and Unicode's errors are ones too
            raise BackendError("The model's answer is malformed.") from None


class InferCodec:
    """The answer to a KServe client: each element of a BYTES output is a choice.

    One that is no UTF-8 is text as far as it goes, for who looks for something in it.
    """

    content_type = JSON
    headers: tuple[tuple[str, str], ...] = ()
    streaming = False

    def __init__(self, request_id: str | None) -> None:
        self._id = request_id
        self._triton = TensorAnswer()
        self._answer: Inferred | None = None
        self._tensors: list[Tensor] = []
        self._collected = Collected()
        self._prompt: list[int] = []
        # Of all elements those that the backend tells a count of.
        self._answers: set[int] = set()

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Triton's status and headers; a binary answer stays one."""
        self._triton.start(status, headers)
        if HEADER_LENGTH in headers:
            self.content_type = "application/octet-stream"

    def decode(self, chunk: bytes, end: bool) -> list[Delta]:
        """A delta an element, all of them at the end."""
        self._triton.add(chunk)
        if not end:
            return []
        self._answer, self._tensors = self._triton.read()
        self._prompt = self._counts("prompt_tokens")
        prompt = sum(self._prompt) if self._prompt else None
        return [
            Delta(index, text, "stop", tokens, prompt)
            for index, (text, tokens) in enumerate(self._elements())
        ]

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Nothing yet."""
        self._collected.add(deltas)
        return b""

    def finish(self, usage: Usage) -> bytes:
        """The whole answer, with the tokens that are charged where the model tells some.

        Raises BackendError when there was none.
        """
        if self._answer is None:
            raise BackendError("The model's answer ended early.")
        choices = list(self._collected.choices())
        texts = {index: text for index, text, *_ in choices}
        charged: dict[str, list[object]] = {
            "completion_tokens": [count for index, *_, count in choices if index in self._answers]
        }
        if len(self._prompt) == 1:
            charged["prompt_tokens"] = [usage.prompt_tokens]
        index = itertools.count()

        def restored(_: str) -> str:
            return texts.get(next(index), "")

        tensors = [
            _counting(tensor, charged.get(tensor.name, ()))
            if tensor.texts is None
            else tensor.changed(restored)
            for tensor in self._tensors
        ]
        heads, tail = write_tensors(tensors)
        # Strings there would be words of the model that nobody has looked at.
        parameters = {
            name: value
            for name, value in (self._answer.parameters or {}).items()
            if isinstance(value, bool | int | float)
        }
        answer = msgspec.structs.replace(
            self._answer, outputs=heads, id=self._id, parameters=parameters or None
        )
        body = msgspec.json.encode(answer)
        if any(tensor.binary for tensor in tensors):
            self.headers = ((HEADER_LENGTH, str(len(body))),)
        return body + tail

    def error(self, error: AnsweredError) -> bytes:
        """The body of an error answer."""
        return error_body(Api.KSERVE, error)

    def _counts(self, name: str) -> list[int]:
        """The elements of a tensor of whole numbers; none when there is no such tensor."""
        for tensor in self._tensors:
            if tensor.name == name:
                try:
                    return msgspec.convert(tensor.numbers(), list[int])
                except ValueError:  # msgspec's errors are ones too
                    raise BackendError("The model's answer is malformed.") from None
        return []

    def _elements(self) -> list[tuple[str, int | None]]:
        counts = self._counts("completion_tokens")
        elements: list[tuple[str, int | None]] = []
        for tensor in self._tensors:
            for place, text in enumerate(tensor.texts or ()):
                tokens = None
                if tensor.name == "finish_reason" or not _is_text(text):
                    tokens = 0
                elif tensor.name == "text_output" and place < len(counts):
                    tokens = counts[place]
                    self._answers.add(len(elements))
                elements.append((text, tokens))
        return elements


def _is_text(text: str) -> bool:
    """Whether the bytes of an element were UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _counting(tensor: Tensor, charged: Sequence[object]) -> Tensor:
    """A tensor of numbers with those that are charged in it, if it has as many."""
    return tensor.counting(list(charged)) if len(charged) == tensor.size else tensor

"""Triton's answers to generate and generate_stream: bytes to deltas.

`generate` answers with one JSON object, `generate_stream` with a `data:` event a response and no
`[DONE]`; errors may come under status 200, in either. A tensor of one element is a scalar in the
JSON, of several a list (Triton's protocol/extension_generate.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from extauth.backends.backend import is_events
from extauth.backends.sse import EventStream
from extauth.backends.triton.failure import failure
from extauth.errors import AnsweredError, BackendError
from extauth.types import Delta
from extauth.types.answer import WHOLE, Details

if TYPE_CHECKING:
    from collections.abc import Mapping

# vLLM's backend writes Python's None.
_FINISH_REASONS: Final = {"": None, "None": None, "stop": "stop", "length": "length"}
_TRITONS: Final = frozenset({"model_name", "model_version"})


class Generated(msgspec.Struct, frozen=True):
    """A response of a language model, by the names of its output tensors.

    `completion_tokens` are those of a choice so far. The backends for vLLM and TensorRT-LLM count
    those of one response in `num_output_tokens`, and the prompt's in `num_input_tokens`.
    """

    text_output: str | list[str] | None = None
    finish_reason: str | list[str] = ""
    index: int | list[int] | None = None
    completion_tokens: int | list[int] | None = None
    prompt_tokens: int | list[int] | None = None
    num_input_tokens: int | list[int] | None = None
    num_output_tokens: int | list[int] | None = None
    error: str | None = None


_generated: Final = msgspec.json.Decoder(Generated)
_outputs: Final = msgspec.json.Decoder(dict[str, object])


class GenerateReader:
    """Reads `generate` or, streaming, `generate_stream`.

    With `outputs` the outputs that are not known here are read too. Those that hold text are read
    like choices, behind the model's own: a delta an element, so that nothing a model says passes
    unseen.
    """

    def __init__(self, *, choices: int, streaming: bool, outputs: bool = False) -> None:
        self._streaming = streaming
        self._choices = choices
        self._outputs = outputs
        self._ended: set[int] = set()
        self._completed: dict[int, int] = {}
        self._prompt_tokens: int | None = None
        self._events = EventStream()
        self._body = bytearray()
        self._status = 200
        self._failure: AnsweredError | None = None
        self._told: dict[str, object] = {}
        # The place of each element of the other texts.
        self._others: dict[tuple[str, int], int] = {}

    def start(self, status: int, headers: Mapping[str, str]) -> bool:
        """Take status and headers; see `AnswerReader.start`."""
        self._status = status
        return status == 200 and self._streaming and is_events(headers)

    def decode(self, chunk: bytes, end: bool) -> list[Delta]:
        """Return the deltas that are complete; see `AnswerReader.decode`."""
        if self._failure is not None:
            raise self._failure
        found: list[Delta] = []
        try:
            if self._status != 200 or not self._streaming:
                self._body += chunk
                if end:
                    self._read_whole(found)
            else:
                for data in self._events.feed(chunk):
                    self._read(data, found)
                if end and self._events.partial:
                    raise BackendError("The model's answer ended within an event.")
        except AnsweredError as error:
            if not found:
                raise
            self._failure = error
        return found

    def finish(self) -> None:
        """Raise the failure that is still to be told."""
        if self._failure is not None:
            raise self._failure

    def _read_whole(self, found: list[Delta]) -> None:
        body = bytes(self._body)
        self._body.clear()
        if self._status != 200:
            raise failure(self._status, body)
        self._read(body, found)

    def _read(self, data: bytes, found: list[Delta]) -> None:
        try:
            response = _generated.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise BackendError("The model's answer is malformed.") from None
        if response.error is not None:
            raise failure(200, data)
        others = self._others_of(data, found) if self._outputs else ()
        prompt = response.prompt_tokens
        if prompt is None:
            prompt = response.num_input_tokens
        if prompt is not None:
            # A backend tells it once, or with every response; a prompt's, or one by one.
            self._prompt_tokens = sum(prompt) if isinstance(prompt, list) else prompt
        text, index, reason, tokens, new = (
            response.text_output,
            response.index,
            response.finish_reason,
            response.completion_tokens,
            response.num_output_tokens,
        )
        if isinstance(text, str):
            if list in (type(index), type(reason), type(tokens), type(new)):
                raise BackendError("The model's answer has tensors of different lengths.")
            found.append(self._delta(index or 0, text, reason, tokens, new))  # type: ignore[arg-type]  # no list, as just seen
        elif text is not None:
            indices = range(len(text)) if index is None else index
            reasons = [""] * len(text) if reason == "" else reason
            counts = [None] * len(text) if tokens is None else tokens
            added = [None] * len(text) if new is None else new
            try:
                rows = list(zip(indices, text, reasons, counts, added, strict=True))  # type: ignore[arg-type]  # a scalar is the TypeError below
            except (TypeError, ValueError):
                raise BackendError("The model's answer has tensors of different lengths.") from None
            found.extend(self._delta(*row) for row in rows)
        if others:
            found.extend(others)

    def _delta(
        self, index: int, text: str, reason: str, tokens: int | None, new: int | None
    ) -> Delta:
        if new is not None and tokens is None:
            tokens = self._completed[index] = self._completed.get(index, 0) + new
        if not 0 <= index < self._choices or reason not in _FINISH_REASONS:
            raise BackendError("The model's answer has an unknown choice or finish reason.")
        finish = _FINISH_REASONS[reason]
        if finish is not None:
            self._ended.add(index)
        elif text and index in self._ended:
            raise BackendError("The model's answer goes on after its end.")
        return Delta(index, text, finish, tokens, self._prompt_tokens)

    def _others_of(self, response: bytes, found: list[Delta]) -> list[Delta]:
        """Return the texts among the outputs that are not known; all else goes to `found`."""
        data: dict[str, object] = {}
        others: list[Delta] = []
        for name, value in _outputs.decode(response).items():
            if name in Generated.__struct_fields__ or name == "id":
                continue
            texts = _texts(name, value)
            if not texts:
                data[name] = value
            for at, text in enumerate(texts):
                place = self._others.setdefault((name, at), self._choices + len(self._others))
                others.append(Delta(place, text, details=Details(output=name)))
        if data != self._told:
            self._told = data
            found.append(Delta(WHOLE, details=Details(data=data)))
        return others


def _texts(name: str, value: object) -> list[str]:
    """Return the texts of an output that is not known; none where it has numbers.

    Raises BackendError for what is not a tensor, as strings inside of other things.
    """
    elements = value if isinstance(value, list) else [value]
    texts = [element for element in elements if isinstance(element, str)]
    if any(isinstance(each, list | dict) for each in elements) or 0 < len(texts) < len(elements):
        raise BackendError("The model's answer is malformed.")
    return [] if name in _TRITONS else texts

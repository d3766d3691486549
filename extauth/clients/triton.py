"""Triton's answers to generate and generate_stream: bytes to deltas, errors to ours.

`generate` answers with one JSON object, `generate_stream` with a `data:` event a response and no
`[DONE]`; errors may come under status 200, in either. A tensor of one element is a scalar in the
JSON, of several a list (Triton's protocol/extension_generate.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from extauth.errors import (
    AnsweredError,
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    InvalidRequest,
)
from extauth.types import Delta

if TYPE_CHECKING:
    from collections.abc import Mapping

# A single event is a few tokens; this only keeps a broken backend from filling the memory.
MAX_EVENT: Final = 1 << 20

# vLLM's backend writes Python's None.
_FINISH_REASONS: Final = {"": None, "None": None, "stop": "stop", "length": "length"}
# Messages about the client's own tensors: names, shapes and types, never content.
_CLIENT_ERRORS: Final = (
    "unexpected inference input",
    "unexpected inference output",
    "unexpected shape for input",
    "unexpected total byte size",
    "expected ",
    "inference input ",
    "inference request batch-size",
    "input byte size mismatch",
    "input '",
)


class Generated(msgspec.Struct, frozen=True):
    """One response of a language model, by the names of its output tensors.

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


class Failure(msgspec.Struct, frozen=True):
    """Triton's error body."""

    error: str = ""


_generated: Final = msgspec.json.Decoder(Generated)
_failure: Final = msgspec.json.Decoder(Failure)


class Events:
    """Cuts a stream of server-sent events, as Triton writes them, into their data."""

    __slots__ = ("_buffer", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that `chunk` completes.

        Raises BackendError for an event that is too large, or none at all.
        """
        if not self._buffer and chunk.endswith(b"\n\n"):
            return [_data(event) for event in chunk[:-2].split(b"\n\n")]
        buffer = self._buffer
        buffer += chunk
        end = buffer.rfind(b"\n\n", self._searched)
        if end < 0:
            if len(buffer) > MAX_EVENT:
                raise BackendError("The model's answer holds an event that is too large.")
            self._searched = max(0, len(buffer) - 1)
            return []
        whole = bytes(buffer[:end])
        del buffer[: end + 2]
        self._searched = max(0, len(buffer) - 1)
        return [_data(event) for event in whole.split(b"\n\n")]

    @property
    def partial(self) -> bool:
        """Whether an event has begun and not ended."""
        return bool(self._buffer)


class GenerateReader:
    """The half of a codec that reads Triton: `start` and `decode` of `ResponseCodec`."""

    headers: tuple[tuple[str, str], ...] = ()

    def __init__(self, *, choices: int, streaming: bool) -> None:
        self.streaming = streaming
        self._choices = choices
        self._unfinished: set[int] = set()
        self._completed: dict[int, int] = {}
        self._prompt_tokens: int | None = None
        self._events = Events()
        self._body = bytearray()
        self._status = 200
        self._failure: AnsweredError | None = None

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Triton's status; its headers tell nothing here."""
        self._status = status
        self._unfinished = set(range(self._choices))

    def decode(self, chunk: bytes, end: bool) -> list[Delta]:
        """See `ResponseCodec.decode`."""
        self.check_failure()
        found: list[Delta] = []
        try:
            if self._status != 200 or not self.streaming:
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

    def check_failure(self) -> None:
        """Raises the failure that is still to be told."""
        if self._failure is not None:
            raise self._failure

    def check_finished(self) -> None:
        """Raises the failure that is still to be told, or BackendError for a missing end."""
        self.check_failure()
        if self._unfinished:
            raise BackendError("The model's answer ended early.")

    def parse(self, data: bytes) -> Generated:
        """One response from its JSON; MsgspecError or UnicodeDecodeError when it is none."""
        return _generated.decode(data)

    def _read_whole(self, found: list[Delta]) -> None:
        body = bytes(self._body)
        self._body.clear()
        if self._status != 200:
            raise failure(self._status, body)
        self._read(body, found)

    def _read(self, data: bytes, found: list[Delta]) -> None:
        try:
            response = self.parse(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise BackendError("The model's answer is malformed.") from None
        if response.error is not None:
            raise failure(200, data)
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
            if any(isinstance(each, list) for each in (index, reason, tokens, new)):
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

    def _delta(
        self, index: int, text: str, reason: str, tokens: int | None, new: int | None
    ) -> Delta:
        if new is not None and tokens is None:
            tokens = self._completed[index] = self._completed.get(index, 0) + new
        if not 0 <= index < self._choices or reason not in _FINISH_REASONS:
            raise BackendError("The model's answer has an unknown choice or finish reason.")
        if reason:
            self._unfinished.discard(index)
        elif text and index not in self._unfinished:
            raise BackendError("The model's answer goes on after its end.")
        return Delta(index, text, _FINISH_REASONS[reason], tokens, self._prompt_tokens)


def failure(status: int, body: bytes) -> AnsweredError:
    """What the client is told about Triton's error.

    A full queue or a model that isn't loaded is BackendUnavailable; BackendTimeout when Envoy gave
    it up; InvalidRequest when Triton refused the client's own tensors; anything else BackendError,
    and its text stays here.
    """
    if status == 504:
        return BackendTimeout("The model took too long to answer.")
    try:
        message = _failure.decode(body).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        message = ""
    if message.startswith("[request id: "):
        message = message.partition("] ")[2]
    if status in (429, 503) or "maximum queue size" in message:
        return BackendUnavailable("The model has no room for another request.", retry_after=1)
    if status == 404 or "is not ready" in message or "unknown model" in message:
        return BackendUnavailable("The model is not ready.", retry_after=1)
    if status == 400 and message.startswith(_CLIENT_ERRORS):
        return InvalidRequest(message[:400], code="refused_by_model")
    return BackendError("The model failed.")


def _data(event: bytes) -> bytes:
    if not event.startswith(b"data: ") or b"\n" in event:
        raise BackendError("The model's answer is no stream of events.")
    return event[6:]

"""Streams of the OpenAI API: an event a chunk, then the usage if it was asked for, then [DONE]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from extauth.clients.answer import EVENTS, error_body
from extauth.clients.openai.told import chat_logprobs, completion_logprobs, usage_of
from extauth.errors import BackendError
from extauth.types import Api
from extauth.types.answer import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.errors import AnsweredError
    from extauth.types import Delta, Usage
    from extauth.types.answer import Details

_DONE: Final = b"data: [DONE]\n\n"
_quoted: Final = msgspec.json.Encoder().encode


class TextChunks:
    """The common part of both streams. Everything constant in a chunk is encoded once an answer."""

    content_type = EVENTS
    headers: tuple[tuple[str, str], ...] = ()
    streaming = True
    _object: str
    _fields: bytes

    def __init__(
        self, answer_id: str, label: str, created: int, *, choices: int, include_usage: bool
    ) -> None:
        envelope = {
            "id": answer_id,
            "object": self._object,
            "created": created,
            "model": label,
            "system_fingerprint": None,
        }
        self._head = b"data: " + _quoted(envelope)[:-1] + b',"choices":['
        # With include_usage every chunk but the last says that it has none (the API reference).
        self._tail = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"
        self._close = b',"logprobs":null,"finish_reason":null}' + self._tail
        self._include_usage = include_usage
        self._unfinished = set(range(choices))
        self._cached: int | None = None
        self._reasoning: int | None = None
        self._starts = [
            self._head + b'{"index":%d,' % index + self._fields for index in range(choices)
        ]

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Return the chunks of these deltas."""
        raise NotImplementedError

    def finish(self, usage: Usage) -> bytes:
        """Return the usage, if it was asked for, and [DONE].

        Raises BackendError when a choice has no end.
        """
        if self._unfinished:
            raise BackendError("The model's answer ended early.")
        if not self._include_usage:
            return _DONE
        told = _quoted(usage_of(usage, self._cached, self._reasoning))
        return self._head + b'],"usage":' + told + b"}\n\n" + _DONE

    def error(self, error: AnsweredError) -> bytes:
        """Return an event that the official clients raise as an APIError."""
        return b"data: " + error_body(Api.OPENAI, error) + b"\n\n"

    def _told(self, details: Details) -> None:
        if details.cached_tokens is not None:
            self._cached = details.cached_tokens
        if details.reasoning_tokens is not None:
            self._reasoning = details.reasoning_tokens

    def _written(self, delta: Delta, said: object, logprobs: object) -> bytes:
        """Return a chunk with a choice that holds other things than text."""
        return (
            self._starts[delta.index]
            + _quoted(said)
            + b',"logprobs":'
            + _quoted(logprobs)
            + b',"finish_reason":null}'
            + self._tail
        )


class ChatChunks(TextChunks):
    """A stream of `chat.completion.chunk`: the role, the content, an empty delta at the end."""

    _object = "chat.completion.chunk"
    _fields = b'"delta":'

    def __init__(
        self, answer_id: str, label: str, created: int, *, choices: int, include_usage: bool
    ) -> None:
        super().__init__(answer_id, label, created, choices=choices, include_usage=include_usage)
        self._silent = set(range(choices))

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Return a chunk a delta, and one ahead of a choice's first."""
        out = []
        for delta in deltas:
            index = delta.index
            if index < 0:
                if delta.details is not None:
                    self._told(delta.details)
                continue
            start = self._starts[index]
            if self._silent and index in self._silent:
                self._silent.remove(index)
                out.append(
                    start + b'{"role":"assistant","content":"","refusal":null}' + self._close
                )
            if delta.details is not None:
                out.append(self._detailed(delta, delta.details))
            elif delta.text:
                out.append(start + b'{"content":' + _quoted(delta.text) + b"}" + self._close)
            if delta.finish_reason is not None:
                self._unfinished.discard(index)
                reason = delta.finish_reason.encode()
                out.append(
                    start + b'{},"logprobs":null,"finish_reason":"' + reason + b'"}' + self._tail
                )
        return b"".join(out)

    def _detailed(self, delta: Delta, details: Details) -> bytes:
        self._told(details)
        said: dict[str, object] = {}
        if details.reasoning:
            said["reasoning_content"] = details.reasoning
        if delta.text:
            said["content"] = delta.text
        if details.refusal:
            said["refusal"] = details.refusal
        calls = []
        for piece in details.tool_calls:
            call: dict[str, object] = {"index": piece.index}
            function: dict[str, object] = {"arguments": piece.arguments}
            if piece.id is not None:
                call |= {"id": piece.id, "type": "function"}
                function = {"name": piece.name or "", **function}
            calls.append({**call, "function": function})
        if calls:
            said["tool_calls"] = calls
        logprobs = chat_logprobs(details.logprobs)
        return self._written(delta, said, logprobs) if said or logprobs else b""


class CompletionChunks(TextChunks):
    """A stream of `text_completion`."""

    _object = "text_completion"
    _fields = b'"text":'

    def __init__(
        self, answer_id: str, label: str, created: int, *, choices: int, include_usage: bool
    ) -> None:
        super().__init__(answer_id, label, created, choices=choices, include_usage=include_usage)
        self._lengths: dict[int, int] = {}

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Return a chunk a delta; a finish reason comes with the last text, or alone."""
        out = []
        for delta in deltas:
            index, text = delta.index, delta.text
            details = delta.details
            if details is not None:
                self._told(details)
                if details.logprobs:
                    offset = self._lengths.get(index, 0)
                    self._lengths[index] = offset + len(text)
                    logprobs = completion_logprobs(details.logprobs, offset)
                    out.append(self._written(delta, text, logprobs))
                    text = ""
            if index == WHOLE:
                continue
            start = self._starts[index]
            if delta.finish_reason is not None:
                self._unfinished.discard(index)
                reason = delta.finish_reason.encode()
                out.append(
                    start
                    + _quoted(text)
                    + b',"logprobs":null,"finish_reason":"'
                    + reason
                    + b'"}'
                    + self._tail
                )
            elif text:
                out.append(start + _quoted(text) + self._close)
        return b"".join(out)

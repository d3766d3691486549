"""Streams of the OpenAI API: an event a chunk, then the usage if it was asked for, then [DONE]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from extauth.clients.answer import EVENTS, error_body
from extauth.clients.triton import GenerateReader
from extauth.types import Api

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.errors import AnsweredError
    from extauth.types import Delta, Usage

_DONE: Final = b"data: [DONE]\n\n"
_quoted: Final = msgspec.json.Encoder().encode


class _Chunks(GenerateReader):
    """What both streams share. Everything constant in a chunk is encoded once an answer."""

    content_type = EVENTS
    _object: str
    _fields: bytes

    def __init__(
        self, answer_id: str, label: str, created: int, *, choices: int, include_usage: bool
    ) -> None:
        super().__init__(choices=choices, streaming=True)
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
        self._starts = [
            self._head + b'{"index":%d,' % index + self._fields for index in range(choices)
        ]

    def finish(self, usage: Usage) -> bytes:
        """The usage, if it was asked for, and [DONE]."""
        self.check_finished()
        if not self._include_usage:
            return _DONE
        return self._head + b'],"usage":' + _quoted(usage_of(usage)) + b"}\n\n" + _DONE

    def error(self, error: AnsweredError) -> bytes:
        """An event that the official clients raise as an APIError."""
        return b"data: " + error_body(Api.OPENAI, error) + b"\n\n"


class ChatChunks(_Chunks):
    """A stream of `chat.completion.chunk`: the role, the content, an empty delta at the end."""

    _object = "chat.completion.chunk"
    _fields = b'"delta":'

    def __init__(
        self, answer_id: str, label: str, created: int, *, choices: int, include_usage: bool
    ) -> None:
        super().__init__(answer_id, label, created, choices=choices, include_usage=include_usage)
        self._silent = set(range(choices))

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """A chunk a delta, and one ahead of a choice's first."""
        out = []
        for delta in deltas:
            start = self._starts[delta.index]
            if delta.index in self._silent:
                self._silent.remove(delta.index)
                out.append(
                    start + b'{"role":"assistant","content":"","refusal":null}' + self._close
                )
            if delta.text:
                out.append(start + b'{"content":' + _quoted(delta.text) + b"}" + self._close)
            if delta.finish_reason is not None:
                reason = delta.finish_reason.encode()
                out.append(
                    start + b'{},"logprobs":null,"finish_reason":"' + reason + b'"}' + self._tail
                )
        return b"".join(out)


class CompletionChunks(_Chunks):
    """A stream of `text_completion`."""

    _object = "text_completion"
    _fields = b'"text":'

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """A chunk a delta; a finish reason comes with the last text, or alone."""
        out = []
        for delta in deltas:
            start = self._starts[delta.index]
            if delta.finish_reason is not None:
                reason = delta.finish_reason.encode()
                out.append(
                    start
                    + _quoted(delta.text)
                    + b',"logprobs":null,"finish_reason":"'
                    + reason
                    + b'"}'
                    + self._tail
                )
            elif delta.text:
                out.append(start + _quoted(delta.text) + self._close)
        return b"".join(out)


def usage_of(usage: Usage) -> dict[str, int]:
    """The API's `usage` object."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }

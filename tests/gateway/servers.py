"""Model servers as bytes: what each would answer, for tests that hold whichever it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from extauth.backends.openai import OpenAIBackend
from extauth.backends.triton import TritonBackend
from tests.gateway.served import event, generated

if TYPE_CHECKING:
    from extauth.backends import Backend


class Server(Protocol):
    """Writes answers as one kind of server does. `tokens` are those of the answer so far."""

    backend: Backend

    def whole(self, text: str, tokens: int | None = None, reason: str = "stop") -> bytes:
        """A plain answer of one choice."""

    def choices(self, *texts: str, tokens: list[int]) -> bytes:
        """A plain answer of several, each with so many tokens."""

    def event(self, text: str, tokens: int, reason: str = "", index: int = 0) -> bytes:
        """A piece of a stream."""

    def error(self, message: str) -> bytes:
        """An error as a stream has it."""

    def read(self, body: bytes) -> str:
        """The texts of a request, as the model reads them."""


class TritonServer:
    """Triton's generate and generate_stream."""

    backend = TritonBackend(external=False)

    def whole(self, text: str, tokens: int | None = None, reason: str = "stop") -> bytes:
        return generated(text, tokens, reason)

    def choices(self, *texts: str, tokens: list[int]) -> bytes:
        fields = {
            "text_output": texts,
            "finish_reason": ["stop"] * len(texts),
            "index": list(range(len(texts))),
            "completion_tokens": tokens,
        }
        return json.dumps(fields).encode()

    def event(self, text: str, tokens: int, reason: str = "", index: int = 0) -> bytes:
        return event(text, tokens, reason, index)

    def error(self, message: str) -> bytes:
        return b"data: " + json.dumps({"error": message}).encode() + b"\n\n"

    def read(self, body: bytes) -> str:
        return str(json.loads(body)["text_input"])


class OpenAIServer:
    """Chat completions, the way servers with continuous usage write them."""

    backend = OpenAIBackend("http://127.0.0.1:1")

    def whole(self, text: str, tokens: int | None = None, reason: str = "stop") -> bytes:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": reason}
        usage = {} if tokens is None else {"usage": {"completion_tokens": tokens}}
        return json.dumps({"object": "chat.completion", "choices": [choice], **usage}).encode()

    def choices(self, *texts: str, tokens: list[int]) -> bytes:
        choices = [
            {"index": index, "message": {"content": text}, "finish_reason": "stop"}
            for index, text in enumerate(texts)
        ]
        usage = {"completion_tokens": sum(tokens)}
        return json.dumps({"choices": choices, "usage": usage}).encode()

    def event(self, text: str, tokens: int, reason: str = "", index: int = 0) -> bytes:
        choice = {"index": index, "delta": {"content": text}, "finish_reason": reason or None}
        usage = {"completion_tokens": tokens}
        return b"data: " + json.dumps({"choices": [choice], "usage": usage}).encode() + b"\n\n"

    def error(self, message: str) -> bytes:
        return b"data: " + json.dumps({"error": {"message": message}}).encode() + b"\n\n"

    def read(self, body: bytes) -> str:
        return " ".join(message["content"] for message in json.loads(body)["messages"])

"""Model servers as bytes: what each would answer, for tests that hold whichever it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Server(Protocol):
    """Writes answers as one kind of server does.

    `tokens` are those of the answer so far, `prompt` those of the prompt; None is not told.
    """

    kind: Literal["triton", "openai"]

    def whole(
        self,
        text: str,
        tokens: int | None = None,
        reason: str = "stop",
        prompt: int | None = None,
    ) -> bytes:
        """A plain answer of one choice."""

    def choices(self, *texts: str, tokens: list[int]) -> bytes:
        """A plain answer of several, each with so many tokens."""

    def event(
        self,
        text: str,
        tokens: int | None = None,
        reason: str = "",
        index: int = 0,
        prompt: int | None = None,
    ) -> bytes:
        """A piece of a stream."""

    def error(self, message: str) -> bytes:
        """An error as a stream has it."""

    def read(self, body: bytes) -> str:
        """The texts of a request, as the model reads them."""


class TritonServer:
    """Triton's generate and generate_stream."""

    kind: Literal["triton"] = "triton"

    def whole(
        self,
        text: str,
        tokens: int | None = None,
        reason: str = "stop",
        prompt: int | None = None,
    ) -> bytes:
        return _triton(text, tokens, reason, 0, prompt)

    def choices(self, *texts: str, tokens: list[int]) -> bytes:
        fields = {
            "text_output": texts,
            "finish_reason": ["stop"] * len(texts),
            "index": list(range(len(texts))),
            "completion_tokens": tokens,
        }
        return json.dumps(fields).encode()

    def event(
        self,
        text: str,
        tokens: int | None = None,
        reason: str = "",
        index: int = 0,
        prompt: int | None = None,
    ) -> bytes:
        return b"data: " + _triton(text, tokens, reason, index, prompt) + b"\n\n"

    def error(self, message: str) -> bytes:
        return b"data: " + json.dumps({"error": message}).encode() + b"\n\n"

    def read(self, body: bytes) -> str:
        return str(json.loads(body)["text_input"])


class OpenAIServer:
    """Chat completions, or completions as `generate` asks for; usage is in every event."""

    kind: Literal["openai"] = "openai"

    def whole(
        self,
        text: str,
        tokens: int | None = None,
        reason: str = "stop",
        prompt: int | None = None,
    ) -> bytes:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}}
        return _openai([{**choice, "finish_reason": reason}], tokens, prompt)

    def choices(self, *texts: str, tokens: list[int]) -> bytes:
        choices = [
            {"index": index, "message": {"content": text}, "finish_reason": "stop"}
            for index, text in enumerate(texts)
        ]
        return _openai(choices, sum(tokens), None)

    def event(
        self,
        text: str,
        tokens: int | None = None,
        reason: str = "",
        index: int = 0,
        prompt: int | None = None,
    ) -> bytes:
        choice = {"index": index, "delta": {"content": text}, "finish_reason": reason or None}
        return b"data: " + _openai([choice], tokens, prompt) + b"\n\n"

    def error(self, message: str) -> bytes:
        return b"data: " + json.dumps({"error": {"message": message}}).encode() + b"\n\n"

    def read(self, body: bytes) -> str:
        fields = json.loads(body)
        if "prompt" in fields:
            return str(fields["prompt"])
        return " ".join(message["content"] for message in fields["messages"])


def _triton(text: str, tokens: int | None, reason: str, index: int, prompt: int | None) -> bytes:
    fields = {
        "model_name": "chat",
        "model_version": "1",
        "text_output": text,
        "finish_reason": reason,
        "index": index,
        **_told(completion_tokens=tokens, prompt_tokens=prompt),
    }
    return json.dumps(fields).encode()


def _openai(choices: list[dict[str, Any]], tokens: int | None, prompt: int | None) -> bytes:
    usage = _told(completion_tokens=tokens, prompt_tokens=prompt)
    return json.dumps({"choices": choices, **_told(usage=usage or None)}).encode()


def _told(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


TRITON, OPENAI = TritonServer(), OpenAIServer()
SERVERS: Final[Mapping[str, Server]] = {"triton": TRITON, "openai": OPENAI}

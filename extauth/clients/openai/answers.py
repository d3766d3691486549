"""Plain answers of the OpenAI API to chats and completions: one JSON object at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.clients.answer import JSON, error_body
from extauth.clients.collected import Collected
from extauth.clients.openai.chunks import usage_of
from extauth.clients.triton import GenerateReader
from extauth.types import Api

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.errors import AnsweredError
    from extauth.types import Delta, Usage


class _Answer(GenerateReader):
    """What both answers share."""

    content_type = JSON
    _object: str

    def __init__(self, answer_id: str, label: str, created: int, *, choices: int) -> None:
        super().__init__(choices=choices, streaming=False)
        self._id = answer_id
        self._label = label
        self._created = created
        self._collected = Collected()

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Nothing yet."""
        self._collected.add(deltas)
        return b""

    def finish(self, usage: Usage) -> bytes:
        """The whole answer."""
        self.check_finished()
        return msgspec.json.encode(
            {
                "id": self._id,
                "object": self._object,
                "created": self._created,
                "model": self._label,
                "choices": [
                    self._choice(index, text, reason)
                    for index, text, reason, _ in self._collected.choices()
                ],
                "usage": usage_of(usage),
                "system_fingerprint": None,
            }
        )

    def error(self, error: AnsweredError) -> bytes:
        """The body of an error answer."""
        return error_body(Api.OPENAI, error)

    def _choice(self, index: int, text: str, reason: str | None) -> dict[str, object]:
        raise NotImplementedError


class ChatAnswer(_Answer):
    """A `chat.completion`."""

    _object = "chat.completion"

    def _choice(self, index: int, text: str, reason: str | None) -> dict[str, object]:
        message: dict[str, object] = {
            "role": "assistant",
            "content": text,
            "refusal": None,
            "annotations": [],
        }
        return {"index": index, "message": message, "logprobs": None, "finish_reason": reason}


class CompletionAnswer(_Answer):
    """A `text_completion`."""

    _object = "text_completion"

    def _choice(self, index: int, text: str, reason: str | None) -> dict[str, object]:
        return {"text": text, "index": index, "logprobs": None, "finish_reason": reason}

"""Plain answers of the OpenAI API to chats and completions: one JSON object at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.clients.answer import JSON, error_body
from extauth.clients.collected import Collected
from extauth.clients.openai.told import chat_logprobs, completion_logprobs, usage_of
from extauth.errors import BackendError
from extauth.types import Api

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.clients.collected import CollectedChoice
    from extauth.errors import AnsweredError
    from extauth.types import Delta, Usage


class TextAnswer:
    """The common part of both answers."""

    content_type = JSON
    headers: tuple[tuple[str, str], ...] = ()
    streaming = False
    _object: str

    def __init__(self, answer_id: str, label: str, created: int, *, choices: int) -> None:
        self._id = answer_id
        self._label = label
        self._created = created
        self._choices = choices
        self._collected = Collected()

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Return nothing yet."""
        self._collected.add(deltas)
        return b""

    def finish(self, usage: Usage) -> bytes:
        """Return the whole answer. Raises BackendError when a choice has no end."""
        collected = self._collected
        choices = [(index, one) for index, one in collected.choices() if index < self._choices]
        if len([one for _, one in choices if one.finish_reason]) < self._choices:
            raise BackendError("The model's answer ended early.")
        return msgspec.json.encode(
            {
                "id": self._id,
                "object": self._object,
                "created": self._created,
                "model": self._label,
                "choices": [self._choice(index, choice) for index, choice in choices],
                "usage": usage_of(usage, collected.cached_tokens, collected.reasoning_tokens),
                "system_fingerprint": None,
            }
        )

    def error(self, error: AnsweredError) -> bytes:
        """Return the body of an error answer."""
        return error_body(Api.OPENAI, error)

    def _choice(self, index: int, choice: CollectedChoice) -> dict[str, object]:
        raise NotImplementedError


class ChatAnswer(TextAnswer):
    """A `chat.completion`."""

    _object = "chat.completion"

    def _choice(self, index: int, choice: CollectedChoice) -> dict[str, object]:
        calls, refusal = choice.tool_calls, choice.refusal
        text = choice.text
        message: dict[str, object] = {
            "role": "assistant",
            "content": text if text or not (calls or refusal) else None,
            "refusal": refusal or None,
            "annotations": [],
        }
        if choice.reasoning:
            message["reasoning_content"] = choice.reasoning
        if calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name or "", "arguments": call.arguments},
                }
                for call in calls
            ]
        return {
            "index": index,
            "message": message,
            "logprobs": chat_logprobs(choice.logprobs),
            "finish_reason": choice.finish_reason,
        }


class CompletionAnswer(TextAnswer):
    """A `text_completion`."""

    _object = "text_completion"

    def _choice(self, index: int, choice: CollectedChoice) -> dict[str, object]:
        return {
            "text": choice.text,
            "index": index,
            "logprobs": completion_logprobs(choice.logprobs, 0),
            "finish_reason": choice.finish_reason,
        }

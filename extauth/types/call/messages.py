"""The messages and tools of a chat, in the shape and the words of the OpenAI API.

Most model servers and chat templates read that shape, so a client's request is decoded into it
and most backends write it as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from extauth.types.call.strings import changed

if TYPE_CHECKING:
    from extauth.types.call.strings import Change
    from extauth.types.facts import Source

Role = Literal["developer", "system", "user", "assistant", "tool"]

SOURCES: Final[dict[str, Source]] = {
    "developer": "application",
    "system": "application",
    "user": "user",
    "assistant": "model",
    "tool": "document",
}
"""The origin of a message's texts, by its role."""

INLINE: Final = "data:"
"""The scheme of a URL that holds the content itself (RFC 2397)."""


class Image(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image by URL: `https`, `http`, or `data` with the image itself in it."""

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class Audio(msgspec.Struct, frozen=True):
    """A recording, its bytes in base64."""

    data: str
    format: Literal["wav", "mp3"]


class File(msgspec.Struct, frozen=True, omit_defaults=True):
    """A document: a data URL, or the id under which the server has it."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a message's content: text, or something that nobody here can search."""

    type: Literal["text", "refusal", "image_url", "input_audio", "file"]
    text: str | None = None
    refusal: str | None = None
    image_url: Image | None = None
    input_audio: Audio | None = None
    file: File | None = None

    @property
    def content(self) -> str | None:
        """Its text; None when it has none."""
        return self.refusal if self.type == "refusal" else self.text

    def changed(self, change: Change) -> Part:
        """Return a copy with `change` applied to its texts; an address is one, content is not."""
        if self.type == "refusal":
            return Part(type="refusal", refusal=change(self.refusal or ""))
        if self.type == "text":
            return Part(type="text", text=change(self.text or ""))
        image, file = self.image_url, self.file
        if image is not None and not image.url.startswith(INLINE):
            return Part(type=self.type, image_url=Image(change(image.url), image.detail))
        if file is not None:
            file_id = None if file.file_id is None else change(file.file_id)
            name = None if file.filename is None else change(file.filename)
            return Part(type=self.type, file=File(file.file_data, file_id, name))
        return Part(type=self.type, image_url=image, input_audio=self.input_audio)


class CalledFunction(msgspec.Struct, frozen=True):
    """A function that the assistant called; `arguments` is JSON as it wrote it."""

    name: str
    arguments: str


class ToolCall(msgspec.Struct, frozen=True):
    """A tool call in an assistant's message."""

    id: str
    type: Literal["function"]
    function: CalledFunction

    def changed(self, change: Change) -> ToolCall:
        """Return a copy with `change` applied to its texts."""
        function = self.function
        return ToolCall(
            change(self.id),
            self.type,
            CalledFunction(change(function.name), change(function.arguments)),
        )


class Message(msgspec.Struct, frozen=True):
    """A message of a chat. `reasoning` is what an assistant thought before it answered."""

    role: Role
    content: str | Sequence[Part] | None = None
    name: str | None = None
    tool_calls: Sequence[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning: str | None = None

    def changed(self, change: Change) -> Message:
        """Return a copy with `change` applied to each text that reaches the model."""
        content = self.content
        if isinstance(content, str):
            content = change(content)
        elif content is not None:
            content = [part.changed(change) for part in content]
        if self.role in ("user", "system") and self.name is None:
            return Message(self.role, content)
        calls = self.tool_calls
        return Message(
            self.role,
            content,
            change(self.name) if self.name is not None else None,
            [call.changed(change) for call in calls] if calls else calls,
            change(self.tool_call_id) if self.tool_call_id is not None else None,
            change(self.refusal) if self.refusal is not None else None,
            change(self.reasoning) if self.reasoning is not None else None,
        )

    def for_template(self) -> dict[str, object]:
        """Return what a chat template gets: `content` always a string, other keys where given."""
        content = self.content
        if content is not None and not isinstance(content, str):
            content = "\n".join(part.content or "" for part in content)
        elif content is None:
            content = self.refusal or ""
        message: dict[str, object] = {"role": self.role, "content": content}
        if self.name is not None:
            message["name"] = self.name
        if self.tool_calls:
            message["tool_calls"] = msgspec.to_builtins(self.tool_calls)
        if self.tool_call_id is not None:
            message["tool_call_id"] = self.tool_call_id
        if self.reasoning is not None:
            message["reasoning_content"] = self.reasoning
        return message


class Function(msgspec.Struct, frozen=True, omit_defaults=True):
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(msgspec.Struct, frozen=True):
    """A tool that the model may call."""

    type: Literal["function"]
    function: Function

    def changed(self, change: Change) -> Tool:
        """Return a copy with `change` applied to its texts, those of the JSON Schema included."""
        function = self.function
        return Tool(
            self.type,
            Function(
                change(function.name),
                None if function.description is None else change(function.description),
                changed(function.parameters, change),  # type: ignore[arg-type]  # of a dict, a dict
                function.strict,
            ),
        )


class ResponseFormat(msgspec.Struct, frozen=True, omit_defaults=True):
    """The form that the answer must have; `json_schema` is OpenAI's object around a JSON Schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, Any] | None = None

    def changed(self, change: Change) -> ResponseFormat:
        """Return a copy with `change` applied to the texts of the schema."""
        if self.json_schema is None:
            return self
        return ResponseFormat(self.type, changed(self.json_schema, change))  # type: ignore[arg-type]  # of a dict, a dict

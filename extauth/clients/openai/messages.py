"""The messages and tools of a chat, as the OpenAI API has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from extauth.clients.body import invalid, unsupported
from extauth.clients.strings import changed

if TYPE_CHECKING:
    from extauth.clients.strings import Change
    from extauth.errors import InvalidRequest
    from extauth.types import Source

# The API's own patterns; neither leaves room for a part of a control token.
ParticipantName = Annotated[str, Meta(pattern=r"^[^\s<|\\/>]{1,64}\Z")]
FunctionName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}\Z")]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of content. Only text is ever honoured; of the others the type is enough."""

    type: Literal["text", "refusal", "image_url", "input_audio", "file"]
    text: str | None = None
    refusal: str | None = None
    image_url: Any = None
    input_audio: Any = None
    file: Any = None

    @property
    def content(self) -> str | None:
        """Its text, None when it is no text."""
        return self.refusal if self.type == "refusal" else self.text


Content = str | Annotated[list[Part], Meta(min_length=1)]


class CalledFunction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A function that the assistant called; `arguments` is JSON as it wrote it."""

    name: FunctionName
    arguments: str


class ToolCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call in an assistant's message."""

    id: str
    type: Literal["function"]
    function: CalledFunction


SOURCES: Final[dict[str, Source]] = {
    "developer": "application",
    "system": "application",
    "user": "user",
    "assistant": "model",
    "tool": "document",
}
"""Where the texts of a message come from, by its role."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A turn of a chat."""

    role: Literal["developer", "system", "user", "assistant", "tool"]
    content: Content | None = None
    name: ParticipantName | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    annotations: Any = None
    audio: Any = None
    function_call: Any = None

    def check(self, index: int) -> None:
        """Raises InvalidRequest for what types alone do not tell."""
        if isinstance(self.content, list):
            for place, part in enumerate(self.content):
                if part.type in ("text", "refusal") and part.content is None:
                    field = f"messages[{index}].content[{place}].{part.type}"
                    raise invalid(field, "a string is required.")
        if self.role != "assistant":
            if self.content is None:
                raise invalid(f"messages[{index}].content", "a string or parts are required.")
            if self.tool_calls is not None:
                raise invalid(f"messages[{index}].tool_calls", "only an assistant calls tools.")
        elif self.content is None and not self.tool_calls and self.refusal is None:
            raise invalid(f"messages[{index}].content", "it can be null only beside 'tool_calls'.")
        if (self.role == "tool") != (self.tool_call_id is not None):
            raise invalid(
                f"messages[{index}].tool_call_id", "it belongs to role 'tool', always and only."
            )

    def unsupported(self, index: int) -> InvalidRequest | None:
        """The error of a message that no model here can read, if it is one."""
        if isinstance(self.content, list):
            for place, part in enumerate(self.content):
                if part.content is None:
                    field = f"messages[{index}].content[{place}]"
                    return unsupported(field, f"Content of type '{part.type}' is not supported.")
        for name in ("audio", "function_call"):
            if getattr(self, name) is not None:
                return unsupported(f"messages[{index}].{name}")
        return None

    def changed(self, change: Change) -> Message:
        """A copy with `change` applied to each text that reaches the model."""
        content = self.content
        if isinstance(content, str):
            content = change(content)
        elif content is not None:
            content = [_changed_part(part, change) for part in content]
        if self.role in ("user", "system") and self.name is None:
            return Message(self.role, content)
        return Message(
            role=self.role,
            content=content,
            name=change(self.name) if self.name is not None else None,
            tool_calls=self.tool_calls
            and [_changed_call(call, change) for call in self.tool_calls],
            tool_call_id=change(self.tool_call_id) if self.tool_call_id is not None else None,
            refusal=change(self.refusal) if self.refusal is not None else None,
            audio=self.audio,
            function_call=self.function_call,
        )

    def for_template(self) -> dict[str, object]:
        """What a chat template gets: `content` always a string, other keys only where given."""
        content = self.content
        if isinstance(content, list):
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
        return message


class Function(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool that the model may call."""

    type: Literal["function"]
    function: Function

    def changed(self, change: Change) -> Tool:
        """A copy with `change` applied to its texts, those of the JSON Schema included."""
        function = self.function
        return Tool(
            type=self.type,
            function=Function(
                name=change(function.name),
                description=(
                    None if function.description is None else change(function.description)
                ),
                parameters=changed(function.parameters, change),  # type: ignore[arg-type]  # of a dict, a dict
                strict=function.strict,
            ),
        )


def _changed_part(part: Part, change: Change) -> Part:
    content = part.content
    if content is None:
        return part
    content = change(content)
    if part.type == "refusal":
        return Part(type="refusal", refusal=content)
    return Part(type=part.type, text=content)


def _changed_call(call: ToolCall, change: Change) -> ToolCall:
    return ToolCall(
        id=change(call.id),
        type=call.type,
        function=CalledFunction(
            name=change(call.function.name), arguments=change(call.function.arguments)
        ),
    )

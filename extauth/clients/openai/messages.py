"""The messages and tools of a chat, checked as the OpenAI API has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from extauth.clients.body import invalid
from extauth.types import PartFacts, call
from extauth.types.call.call import NOTHING
from extauth.types.call.messages import INLINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.types.call import Ask

# The API's own patterns; neither leaves room for a part of a control token.
ParticipantName = Annotated[str, Meta(pattern=r"^[^\s<|\\/>]{1,64}\Z")]
FunctionName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}\Z")]
Base64 = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]+={0,2}\Z")]

_CAPABILITIES: Final = {"image_url": "images", "input_audio": "audio", "file": "files"}
_LONGEST_URL: Final = 8192
# Neither white space nor a backslash, which readers of URLs disagree about.
_URL: Final = re.compile(r"https?://[^\s\\\x00-\x20\x7f]+", re.IGNORECASE)
_DATA_URL: Final = re.compile(
    r"data:[a-z0-9.+-]+/[a-z0-9.+-]+;base64,[A-Za-z0-9+/]+={0,2}", re.IGNORECASE
)


class Audio(call.Audio, frozen=True, forbid_unknown_fields=True):
    """A recording."""

    data: Base64


class Image(call.Image, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An image by URL."""


class File(call.File, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A document."""

    file_id: Annotated[str, Meta(max_length=256)] | None = None
    filename: Annotated[str, Meta(max_length=256)] | None = None


class Part(call.Part, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A piece of content."""

    image_url: Image | None = None
    input_audio: Audio | None = None
    file: File | None = None


Content = str | Annotated[list[Part], Meta(min_length=1)]


class CalledFunction(call.CalledFunction, frozen=True, forbid_unknown_fields=True):
    """A function that the assistant called."""

    name: FunctionName


class ToolCall(call.ToolCall, frozen=True, forbid_unknown_fields=True):
    """A tool call in an assistant's message."""

    function: CalledFunction


class Message(call.Message, frozen=True, forbid_unknown_fields=True):
    """A turn of a chat. Some servers call the reasoning `reasoning_content`."""

    content: Content | None = None
    name: ParticipantName | None = None
    tool_calls: list[ToolCall] | None = None
    reasoning_content: str | None = None
    annotations: Any = None
    audio: Any = None
    function_call: Any = None

    def check(self, index: int) -> None:
        """Raise InvalidRequest for what types alone do not tell."""
        if self.role != "assistant":
            if self.content is None:
                raise invalid(f"messages[{index}].content", "a string or parts are required.")
            if self.tool_calls is not None:
                raise invalid(f"messages[{index}].tool_calls", "only an assistant calls tools.")
            if self.reasoning is not None or self.reasoning_content is not None:
                raise invalid(f"messages[{index}].reasoning", "only an assistant reasons.")
        elif self.content is None and not self.tool_calls and self.refusal is None:
            raise invalid(f"messages[{index}].content", "it can be null only beside 'tool_calls'.")
        if (self.role == "tool") != (self.tool_call_id is not None):
            raise invalid(
                f"messages[{index}].tool_call_id", "it belongs to role 'tool', always and only."
            )

    def plain(self) -> call.Message:
        """Return the message with its reasoning under one name."""
        return call.Message(
            self.role,
            self.content,
            self.name,
            self.tool_calls,
            self.tool_call_id,
            self.refusal,
            self.reasoning or self.reasoning_content,
        )


class Function(call.Function, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A function that the model may call."""

    name: FunctionName


class Tool(call.Tool, frozen=True, forbid_unknown_fields=True):
    """A tool that the model may call."""

    function: Function


class NamedFunction(call.NamedFunction, frozen=True, forbid_unknown_fields=True):
    """A function by its name."""

    name: FunctionName


class NamedTool(call.NamedTool, frozen=True, forbid_unknown_fields=True):
    """The tool that the model has to call."""

    function: NamedFunction


ToolChoice = Literal["none", "auto", "required"] | NamedTool


class ResponseFormat(
    call.ResponseFormat, frozen=True, forbid_unknown_fields=True, omit_defaults=True
):
    """`response_format`."""


def check_messages(messages: Sequence[Message]) -> tuple[list[Ask], PartFacts]:
    """Return what the messages ask for, and the parts that nobody here can search.

    Raises InvalidRequest for what types alone do not tell.
    """
    asks: list[Ask] = []
    parts: list[Part] = []
    for index, message in enumerate(messages):
        message.check(index)
        if isinstance(message.content, list):
            for place, part in enumerate(message.content):
                field = f"messages[{index}].content[{place}]"
                _check_part(part, field)
                if part.type in _CAPABILITIES:
                    asks.append((_CAPABILITIES[part.type], field))
                    parts.append(part)
        elif message.role == "user":
            continue
        if message.audio is not None:
            asks.append(("audio_output", f"messages[{index}].audio"))
        if message.function_call is not None:
            asks.append(("function_call", f"messages[{index}].function_call"))
    return asks, _facts(parts) if parts else NOTHING


def _check_part(part: Part, field: str) -> None:
    if getattr(part, part.type) is None:
        expected = "a string" if part.type in ("text", "refusal") else "an object"
        raise invalid(f"{field}.{part.type}", f"{expected} is required.")
    if part.image_url is not None:
        host_of(part.image_url.url, f"{field}.image_url.url")
    if part.file is not None:
        if (part.file.file_data is None) == (part.file.file_id is None):
            raise invalid(f"{field}.file", "give either 'file_data' or 'file_id'.")
        if part.file.file_data is not None and not _DATA_URL.fullmatch(part.file.file_data):
            raise invalid(f"{field}.file.file_data", "expected a data URL in base64.")


def host_of(url: str, field: str) -> str | None:
    """Return the host that a server would fetch `url` from; None for a data URL.

    Raises InvalidRequest for any other scheme, and for what readers of URLs could understand in
    two ways: the host that a policy sees must be the one that is asked.
    """
    if url[:5].lower() == INLINE:
        if not url.startswith(INLINE) or not _DATA_URL.fullmatch(url):
            raise invalid(field, "expected a data URL in base64.")
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or len(url) > _LONGEST_URL or not _URL.fullmatch(url) or "@" in parts.netloc:
        raise invalid(field, "expected an http, https or data URL, without credentials.")
    return host.lower().rstrip(".")


def _facts(parts: Sequence[Part]) -> PartFacts:
    kinds = [part.type for part in parts]
    hosts = (host_of(part.image_url.url, "") for part in parts if part.image_url is not None)
    return PartFacts(
        images=kinds.count("image_url"),
        audio=kinds.count("input_audio"),
        files=kinds.count("file"),
        hosts=tuple(dict.fromkeys(host for host in hosts if host is not None)),
    )

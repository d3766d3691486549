"""Requests to the OpenAI API, written anew from what was understood of the client's.

Fields are in the API's own order and words (https://platform.openai.com/docs/api-reference).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.types.call import (
        Chat,
        Completion,
        Embedding,
        Message,
        NamedTool,
        ResponseFormat,
        Tool,
    )

_encode: Final = msgspec.json.Encoder().encode


class WrittenStreamOptions(msgspec.Struct, frozen=True):
    """Usage is always asked for; a client that did not ask is not told."""

    include_usage: bool = True


class WrittenBody(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The common part of chats and completions; what is None is left out."""

    model: str
    stream: bool = False
    stream_options: WrittenStreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stop: Sequence[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None


class ChatBody(WrittenBody, frozen=True, omit_defaults=True, kw_only=True):
    """The body of a chat."""

    messages: list[dict[str, Any]]
    max_completion_tokens: int | None = None
    tools: Sequence[Tool] | None = None
    tool_choice: str | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None


class CompletionBody(WrittenBody, frozen=True, omit_defaults=True, kw_only=True):
    """The body of a completion."""

    prompt: str
    suffix: str | None = None
    logprobs: int | None = None


class EmbeddingBody(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The body of a request for embeddings; a server without base64 sends numbers."""

    model: str
    input: Sequence[object]
    encoding_format: str
    dimensions: int | None = None


def chat_body(call: Chat, name: str, max_tokens: int | None) -> bytes:
    """Write a chat. The bound has the name that the client gave it, or else the newer one."""
    options = call.options
    body = ChatBody(
        model=name,
        messages=[_message(message) for message in call.messages],
        **_common(call),
        max_tokens=max_tokens if options.old_bound else None,
        max_completion_tokens=None if options.old_bound else max_tokens,
        tools=call.tools or None,
        tool_choice=call.tool_choice if call.tools else None,
        parallel_tool_calls=options.parallel_tool_calls if call.tools else None,
        response_format=call.response_format,
        logprobs=options.logprobs,
        top_logprobs=options.top_logprobs,
        logit_bias=options.logit_bias or None,
        reasoning_effort=options.reasoning_effort,
        verbosity=options.verbosity,
    )
    return _encode(body)


def completion_body(call: Completion, name: str, max_tokens: int | None) -> bytes:
    """Write a completion of one prompt."""
    options = call.options
    body = CompletionBody(
        model=name,
        prompt=str(call.inputs[0]),
        suffix=call.suffix,
        **_common(call),
        max_tokens=max_tokens,
        logprobs=options.logprobs,
        logit_bias=options.logit_bias or None,
    )
    return _encode(body)


def embedding_body(call: Embedding, name: str) -> bytes:
    """Write a request for embeddings."""
    return _encode(
        EmbeddingBody(
            model=name, input=call.inputs, encoding_format="base64", dimensions=call.dimensions
        )
    )


def _common(call: Chat | Completion) -> dict[str, Any]:
    options, stream = call.options, call.parameters.stream
    return {
        "stream": stream,
        "stream_options": WrittenStreamOptions() if stream else None,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "n": options.n if call.parameters.n > 1 else None,
        "stop": call.stop or None,
        "seed": options.seed,
        "presence_penalty": options.presence_penalty,
        "frequency_penalty": options.frequency_penalty,
    }


def _message(message: Message) -> dict[str, Any]:
    """Return a message with what it has; content is there even where it is null."""
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        written["name"] = message.name
    if message.tool_calls:
        written["tool_calls"] = message.tool_calls
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    if message.refusal is not None:
        written["refusal"] = message.refusal
    if message.reasoning is not None:
        # The older name: servers that know the newer one read both.
        written["reasoning_content"] = message.reasoning
    return written

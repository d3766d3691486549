"""POST /v1/chat/completions, the request side."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from extauth.clients.body import invalid, read_json
from extauth.clients.openai.answers import ChatAnswer
from extauth.clients.openai.chunks import ChatChunks
from extauth.clients.openai.messages import (
    Message,
    ResponseFormat,
    Tool,
    ToolChoice,
    check_messages,
)
from extauth.clients.openai.options import Options, ServiceTier
from extauth.clients.openai.text import TextCodec
from extauth.clients.sampling import SAMPLING, Harmless, MaxTokens
from extauth.clients.target import parse_reference
from extauth.types import Parameters, Target
from extauth.types.call import Chat, ChatOptions


class ChatRequest(Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The request body, every parameter that the API has."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    max_completion_tokens: MaxTokens | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    response_format: ResponseFormat | None = None
    parallel_tool_calls: bool | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    reasoning_effort: Annotated[str, Meta(pattern=r"^[a-z]{1,16}\Z")] | None = None
    verbosity: Annotated[str, Meta(pattern=r"^[a-z]{1,16}\Z")] | None = None
    # Honoured by no backend, see _HARMLESS.
    audio: Any = None
    function_call: Any = None
    functions: list[Any] | None = None
    modalities: list[str] | None = None
    moderation: Any = None
    prediction: Any = None
    service_tier: ServiceTier | None = None
    store: bool | None = None
    web_search_options: Any = None
    # Ignored: they change no answer.
    metadata: dict[str, str] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Any = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None


_HARMLESS: Final = Harmless(
    {
        "tools": ([],),
        "response_format": (ResponseFormat("text"),),
        **SAMPLING.parameters,
        "logit_bias": ({},),
        "function_call": ("none", "auto"),
        "functions": ([],),
        "logprobs": (False,),
        "modalities": (["text"],),
        "moderation": (),
        "prediction": (),
        "reasoning_effort": ("none",),
        "service_tier": ("auto", "default"),
        "store": (False,),
        "tool_choice": ("none", "auto"),
        "top_logprobs": (0,),
        "verbosity": ("medium",),
        "web_search_options": (),
    }
)

_decoder: Final = msgspec.json.Decoder(ChatRequest)


class ChatCodec(TextCodec[Chat], frozen=True):
    """A chat, and an answer: a `chat.completion`, or a stream of `chat.completion.chunk`."""

    prefix = "chatcmpl"
    whole = ChatAnswer
    stream = ChatChunks


def parse_chat(_: Target, data: bytes, depth: int) -> ChatCodec:
    """Read the body of a chat request. Raises InvalidRequest, NotFound or RequestTooLarge."""
    body = read_json(data, _decoder, depth)
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        raise invalid(
            "max_tokens", "give 'max_tokens' or 'max_completion_tokens', not both at once."
        )
    body.check_stream()
    asks, parts = check_messages(body.messages)
    if body.audio is not None:
        # The capability `audio` is to hear.
        asks.append(("audio_output", "audio"))
    if body.tool_choice is not None and not body.tools and body.tool_choice != "none":
        raise invalid("tool_choice", "it is only allowed when 'tools' are given.")
    if body.top_logprobs and not body.logprobs:
        raise invalid("top_logprobs", "it is only allowed when 'logprobs' is true.")
    stops = body.stops
    tools = body.tools or ()
    parameters = Parameters(
        max_tokens=body.max_completion_tokens or body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        n=body.n or 1,
        stream=bool(body.stream),
        seed=body.seed,
        stop=len(stops),
        tools=len(tools),
        response_format=body.response_format.type if body.response_format else "text",
    )
    call = Chat(
        parse_reference(body.model),
        parameters,
        (*_HARMLESS.asked(body), *asks),
        ChatOptions(
            body.temperature,
            body.top_p,
            body.n,
            body.seed,
            body.presence_penalty,
            body.frequency_penalty,
            body.max_tokens is not None,
            body.parallel_tool_calls,
            body.logprobs,
            body.top_logprobs,
            body.logit_bias,
            body.reasoning_effort,
            body.verbosity,
        ),
        tuple(
            [
                message if message.reasoning_content is None else message.plain()
                for message in body.messages
            ]
        ),
        tuple(tools),
        stops,
        body.tool_choice,
        body.response_format,
        parts,
    )
    return ChatCodec(call, body.include_usage)

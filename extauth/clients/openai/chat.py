"""POST /v1/chat/completions, the request side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from extauth.clients.body import invalid, read_json, unsupported
from extauth.clients.generate import MaxTokens, generate_request, require_task
from extauth.clients.openai.answers import ChatAnswer
from extauth.clients.openai.chunks import ChatChunks
from extauth.clients.openai.messages import SOURCES, Message, Tool
from extauth.clients.openai.options import Options, ServiceTier, refused
from extauth.clients.openai.turns import turns_of
from extauth.clients.strings import Collector, Replacer
from extauth.clients.target import parse_reference
from extauth.types import ModelReference, Operation, Parameters, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.clients.call import CallModel, ResponseCodec, UpstreamRequest
    from extauth.clients.strings import Change
    from extauth.errors import AnsweredError
    from extauth.types import Source

_TASKS: Final = ("chat",)


class ResponseFormat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`response_format`: the policy sees its type, no model here honours any but text."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Any = None


class Body(Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The request body, every parameter that the API has."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    max_completion_tokens: MaxTokens | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | dict[str, Any] | None = None
    response_format: ResponseFormat | None = None
    # Not honoured, see HARMLESS.
    audio: Any = None
    function_call: Any = None
    functions: list[Any] | None = None
    logprobs: bool | None = None
    modalities: list[str] | None = None
    moderation: Any = None
    prediction: Any = None
    reasoning_effort: str | None = None
    service_tier: ServiceTier | None = None
    store: bool | None = None
    top_logprobs: int | None = None
    verbosity: str | None = None
    web_search_options: Any = None
    # Ignored: they change no answer.
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Any = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None


HARMLESS: Final[dict[str, tuple[Any, ...]]] = {
    "audio": (),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
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

_decoder: Final = msgspec.json.Decoder(Body)


class ChatCall(msgspec.Struct, frozen=True):
    """A parsed chat request (`protocol.call.Call`)."""

    target: Target
    reference: ModelReference
    parameters: Parameters
    body: Body
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    stops: list[str]

    def bind(self, _: CallModel) -> ChatCall:
        """Itself: a chat is always text."""
        return self

    def texts(self) -> list[str]:
        """Contents, names, tool calls, tool definitions, stop strings."""
        found = Collector()
        self._changed(found)
        return found.texts

    def sources(self) -> list[Source]:
        """By the role of the message. Tools and stop strings are the application's."""
        found = Collector()
        sources: list[Source] = []
        for message in self.messages:
            message.changed(found)
            sources += [SOURCES[message.role]] * (len(found.texts) - len(sources))
        for tool in self.tools:
            tool.changed(found)
        rest = len(found.texts) + len(self.stops) - len(sources)
        sources += ["application"] * rest
        return sources

    @property
    def given_ids(self) -> int:
        """None: the model reads text."""
        return 0

    def turns(self) -> list[int | None]:
        """By message. Tools and stop strings stay."""
        found = Collector()
        turns: list[int | None] = []
        for message, turn in zip(self.messages, turns_of(self.messages), strict=True):
            message.changed(found)
            turns += [turn] * (len(found.texts) - len(turns))
        return turns + [None] * (len(self.texts()) - len(turns))

    def without(self, turns: int) -> ChatCall:
        """The same chat, its oldest messages gone."""
        kept = [
            message
            for message, turn in zip(self.messages, turns_of(self.messages), strict=True)
            if turn is None or turn >= turns
        ]
        return msgspec.structs.replace(self, messages=tuple(kept))

    def replace(self, texts: Sequence[str]) -> ChatCall:
        """The same chat with other texts."""
        change = Replacer(texts)
        call = self._changed(change)
        change.done()
        return call

    def unsupported(self) -> AnsweredError | None:
        """The first parameter, then the first message, that asks for what is not there."""
        if self.parameters.response_format != "text":
            return unsupported("response_format")
        error = refused(self.body, HARMLESS)
        if error is None:
            for index, message in enumerate(self.messages):
                error = message.unsupported(index)
                if error is not None:
                    break
        return error

    def prompts(self, model: CallModel) -> list[str]:
        """The rendered chat template."""
        require_task(model.task, _TASKS, Operation.CHAT)
        found = Collector()
        for message in self.messages:
            message.changed(found)
        for tool in self.tools:
            tool.changed(found)
        model.admit(found.texts)
        tools = [msgspec.to_builtins(tool) for tool in self.tools] or None
        return [model.render([message.for_template() for message in self.messages], tools)]

    def request(
        self, model: CallModel, version: str, prompts: Sequence[str], max_tokens: int | None
    ) -> UpstreamRequest:
        """To `generate`, or `generate_stream` when the client wants a stream."""
        return generate_request(
            model,
            version,
            prompts[0],
            max_tokens,
            stream=self.parameters.stream,
            sampling=self.body,
            stops=self.stops,
        )

    def response(self, *, model_label: str, request_id: str, created: int) -> ResponseCodec:
        """A `chat.completion`, or a stream of `chat.completion.chunk`."""
        answer_id = f"chatcmpl-{request_id}"
        if self.parameters.stream:
            return ChatChunks(
                answer_id,
                model_label,
                created,
                choices=self.parameters.n,
                include_usage=self.body.include_usage,
            )
        return ChatAnswer(answer_id, model_label, created, choices=self.parameters.n)

    def _changed(self, change: Change) -> ChatCall:
        return ChatCall(
            self.target,
            self.reference,
            self.parameters,
            self.body,
            tuple([message.changed(change) for message in self.messages]),
            tuple([tool.changed(change) for tool in self.tools]),
            [change(stop) for stop in self.stops],
        )


def parse_chat(target: Target, data: bytes, depth: int) -> ChatCall:
    """Read the body of a chat request. Raises InvalidRequest, NotFound or RequestTooLarge."""
    body = read_json(data, _decoder, depth)
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        raise invalid(
            "max_tokens", "give 'max_tokens' or 'max_completion_tokens', not both at once."
        )
    body.check_stream()
    for index, message in enumerate(body.messages):
        message.check(index)
    if body.tool_choice is not None and not body.tools and body.tool_choice != "none":
        raise invalid("tool_choice", "it is only allowed when 'tools' are given.")
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
    return ChatCall(
        target,
        parse_reference(body.model),
        parameters,
        body,
        tuple(body.messages),
        tuple(tools),
        stops,
    )

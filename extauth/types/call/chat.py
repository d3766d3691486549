"""A chat: messages, tools, and what the answer may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from extauth.types.call.call import NOTHING, Call, Sampling
from extauth.types.call.messages import SOURCES, Message, ResponseFormat, Tool
from extauth.types.call.strings import Collector, Replacer
from extauth.types.call.turns import turns_of
from extauth.types.facts import PartFacts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from extauth.types.call.strings import Change
    from extauth.types.facts import Source


class ChatOptions(Sampling, frozen=True):
    """The parameters of a chat that are not text; None where the client gave none.

    `old_bound` tells that the client has given its bound by the older of two names, `max_tokens`.
    """

    old_bound: bool = False
    parallel_tool_calls: bool | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None


class NamedFunction(msgspec.Struct, frozen=True):
    """A function by its name."""

    name: str


class NamedTool(msgspec.Struct, frozen=True):
    """The tool that the model has to call."""

    type: Literal["function"]
    function: NamedFunction


class Chat(Call, frozen=True):
    """A chat, and what its answer may be."""

    options: ChatOptions
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    stop: tuple[str, ...] = ()
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    response_format: ResponseFormat | None = None
    unsearched: PartFacts = NOTHING

    @property
    def stops(self) -> Sequence[str]:
        """The strings that end an answer and are not in it."""
        return self.stop

    @property
    def parts(self) -> PartFacts:
        """The images, recordings and files of its messages."""
        return self.unsearched

    def texts(self) -> list[str]:
        """Return contents, names, tool calls, tools, stop strings, and the answer's schema."""
        found = Collector()
        self._changed(found)
        return found.texts

    def template_texts(self) -> list[str]:
        """Return the texts that a chat template may write: those of messages and tools."""
        found = Collector()
        for message in self.messages:
            message.changed(found)
        for tool in self.tools:
            tool.changed(found)
        return found.texts

    def sources(self) -> list[Source]:
        """Return sources by the role of the message. All else is the application's."""
        found = Collector()
        sources: list[Source] = []
        for message in self.messages:
            message.changed(found)
            sources += [SOURCES[message.role]] * (len(found.texts) - len(sources))
        return sources + ["application"] * self._beside(found)

    def turns(self) -> list[int | None]:
        """Return turns by message. All else stays."""
        found = Collector()
        turns: list[int | None] = []
        for message, turn in zip(self.messages, turns_of(self.messages), strict=True):
            message.changed(found)
            turns += [turn] * (len(found.texts) - len(turns))
        return turns + [None] * self._beside(found)

    def without(self, turns: int) -> Self:
        """Return the chat without its oldest messages."""
        kept = [
            message
            for message, turn in zip(self.messages, turns_of(self.messages), strict=True)
            if turn is None or turn >= turns
        ]
        return msgspec.structs.replace(self, messages=tuple(kept))

    def replace(self, texts: Sequence[str]) -> Self:
        """Return the same chat with other texts."""
        change = Replacer(texts)
        call = self._changed(change)
        change.done()
        return call

    def _beside(self, found: Collector) -> int:
        """Return the number of texts behind those of the messages, which `found` has."""
        before = len(found.texts)
        for tool in self.tools:
            tool.changed(found)
        if self.response_format is not None:
            self.response_format.changed(found)
        named = isinstance(self.tool_choice, NamedTool)
        return len(found.texts) - before + len(self.stop) + named

    def _changed(self, change: Change) -> Self:
        choice, form = self.tool_choice, self.response_format
        # By place: this is done for every request, and `structs.replace` takes its time.
        return type(self)(
            self.reference,
            self.parameters,
            self.asks,
            self.options,
            tuple([message.changed(change) for message in self.messages]),
            tuple([tool.changed(change) for tool in self.tools]),
            tuple([change(stop) for stop in self.stop]),
            NamedTool(choice.type, NamedFunction(change(choice.function.name)))
            if isinstance(choice, NamedTool)
            else choice,
            form if form is None else form.changed(change),
            self.unsearched,
        )

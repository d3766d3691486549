"""A model's answer, whichever server gave it: in pieces, in the order of arrival."""

from __future__ import annotations

import msgspec

from extauth.types.call.tensors import Tensor

WHOLE = -1
"""The `index` of a delta that is about the answer as a whole, and not about one choice."""


class CalledTool(msgspec.Struct, frozen=True):
    """A piece of a tool call: `index` tells the calls of a choice apart.

    `id` and `name` come once, with the first piece; `arguments` are JSON, cut anywhere.
    """

    index: int
    arguments: str = ""
    id: str | None = None
    name: str | None = None


class TokenChance(msgspec.Struct, frozen=True):
    """A token, the natural logarithm of its probability, and its UTF-8 where the server tells."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class TokenLogprob(TokenChance, frozen=True):
    """A token of the answer, with the likeliest that could have stood in its place."""

    top_logprobs: list[TokenChance] = []


class Embeddings(msgspec.Struct, frozen=True):
    """Rows of little-endian float32, one an input, `width` numbers each."""

    rows: list[memoryview]
    width: int


class TensorAnswer(msgspec.Struct, frozen=True):
    """The tensors of a KServe inference answer, with what stands beside them."""

    model_name: str
    model_version: str
    tensors: list[Tensor]
    parameters: dict[str, bool | int | float] = {}


class Details(msgspec.Struct, frozen=True):
    """The rarer parts of a delta, kept apart since most hold a text and nothing else.

    `cached_tokens` of the prompt were read from a cache, `reasoning_tokens` of the completion were
    thought; both are cumulative, of the whole answer. `output` names the tensor that the delta's
    text is of, where that is not the model's own. `data` is what is not text: embeddings, tensors,
    or other outputs by name.
    """

    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[CalledTool, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    output: str | None = None
    data: Embeddings | TensorAnswer | dict[str, object] | None = None

    @property
    def texts(self) -> list[str]:
        """The texts in it, for a count."""
        calls = [text for call in self.tool_calls for text in (call.name, call.arguments)]
        return [text for text in (self.reasoning, self.refusal, *calls) if text]


class Delta(msgspec.Struct, frozen=True):
    """A piece of one choice's answer.

    `completion_tokens` is cumulative: for the choice, or for all of them where `index` is `WHOLE`.
    `prompt_tokens` is of all prompts. Both are None where the server does not tell. A
    `finish_reason` closes the choice; it is one of OpenAI's: stop, length, tool_calls,
    content_filter.
    """

    index: int
    text: str = ""
    finish_reason: str | None = None
    completion_tokens: int | None = None
    prompt_tokens: int | None = None
    details: Details | None = None

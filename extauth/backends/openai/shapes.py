"""The answers of the OpenAI API as servers write them, with what each of them leaves out.

Unknown fields are ignored. Anything may be null or missing that some server does not send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from extauth.errors import BackendError
from extauth.types.answer import TokenChance, TokenLogprob

if TYPE_CHECKING:
    from collections.abc import Iterable

_FINISH_REASONS: Final = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    # Older names.
    "function_call": "tool_calls",
    "eos": "stop",
    "eos_token": "stop",
}


class PromptDetails(msgspec.Struct, frozen=True):
    """`prompt_tokens_details`."""

    cached_tokens: int | None = None


class CompletionDetails(msgspec.Struct, frozen=True):
    """`completion_tokens_details`."""

    reasoning_tokens: int | None = None


class CompletionUsage(msgspec.Struct, frozen=True):
    """`usage`, cumulative where it comes more than once."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class FunctionPiece(msgspec.Struct, frozen=True):
    """A function that is called, or a piece of that."""

    name: str | None = None
    arguments: str | None = None


class ToolPiece(msgspec.Struct, frozen=True):
    """A tool call, or a piece of one. `index` and `id` are left out by some, or null."""

    index: int | None = None
    id: str | None = None
    function: FunctionPiece | None = None


class Said(msgspec.Struct, frozen=True):
    """`message`, or `delta`. The reasoning has two names."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolPiece] | None = None


class Logprobs(msgspec.Struct, frozen=True):
    """`logprobs`: of a chat by token, of a completion by list; some servers mix them up."""

    content: list[TokenLogprob] | None = None
    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None

    def neutral(self) -> Iterable[TokenLogprob]:
        """Return them token by token. Raises BackendError when the lists do not fit together."""
        if self.content is not None or self.tokens is None:
            return self.content or ()
        tops = self.top_logprobs or [None] * len(self.tokens)
        try:
            rows = list(zip(self.tokens, self.token_logprobs or (), tops, strict=True))
        except ValueError:
            raise malformed() from None
        return [
            TokenLogprob(
                token,
                chance or 0.0,
                None,
                [TokenChance(other, value) for other, value in (top or {}).items()],
            )
            for token, chance, top in rows
        ]


class CompletionChoice(msgspec.Struct, frozen=True):
    """A choice, whole or a piece of it; of a completion it has `text`."""

    index: int = 0
    message: Said | None = None
    delta: Said | None = None
    text: str | None = None
    logprobs: Logprobs | None = None
    finish_reason: str | None = None

    @property
    def said(self) -> Said:
        """The whole of its words."""
        return self.delta or self.message or Said(content=self.text)


class AnswerObject(msgspec.Struct, frozen=True):
    """An answer; with `error` it is a failure."""

    usage: CompletionUsage | None = None
    error: msgspec.Raw = msgspec.Raw()


class CompletionObject(AnswerObject, frozen=True):
    """A whole answer, or a chunk of a stream."""

    choices: list[CompletionChoice] | None = None


COMPLETION: Final = msgspec.json.Decoder(CompletionObject)
"""Reads an answer to a chat or a completion, or a chunk of one."""

A = TypeVar("A", bound=AnswerObject)


def is_error(error: msgspec.Raw) -> bool:
    """Tell whether an answer's `error` is there, and not null."""
    return bytes(error) not in (b"", b"null")


def read_answer(data: bytes, decoder: msgspec.json.Decoder[A]) -> A:
    """Decode an answer or a chunk. Raises BackendError when it is not one."""
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise malformed() from None


def read_reason(reason: str | None) -> str | None:
    """Return the API's own word for a finish reason.

    Raises BackendError for one that says that the answer was cut short, or nothing known.
    """
    if not reason:
        return None
    try:
        return _FINISH_REASONS[reason]
    except KeyError:
        raise BackendError("The model's answer has an unknown finish reason.") from None


def malformed() -> BackendError:
    """Return the error of an answer that is not what the API promises."""
    return BackendError("The model's answer is malformed.")

"""Plain answers of the OpenAI API to chats and completions: one JSON object to deltas."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from extauth.backends.backend import WholeReader
from extauth.backends.openai.failure import failure, stream_failure
from extauth.backends.openai.shapes import COMPLETION, is_error, malformed, read_answer, read_reason
from extauth.errors import BackendError
from extauth.types import Delta
from extauth.types.answer import WHOLE, CalledTool, Details

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import msgspec

    from extauth.backends.openai.shapes import (
        A,
        CompletionChoice,
        CompletionUsage,
        Logprobs,
        Said,
        ToolPiece,
    )


class CompletionReader(WholeReader):
    """Reads an answer that comes at once: a delta a choice, then one with the usage."""

    def __init__(self, *, choices: int) -> None:
        super().__init__()
        self._choices = choices

    def _read(self, status: int, headers: Mapping[str, str], body: bytes) -> list[Delta]:
        answer = whole_answer(status, headers, body, COMPLETION)
        found = [self._delta(choice) for choice in answer.choices or ()]
        if len({delta.index for delta in found}) != len(found):
            raise malformed()
        if answer.usage is not None:
            found.append(usage_delta(answer.usage))
        return found

    def _delta(self, choice: CompletionChoice) -> Delta:
        said = choice.said
        calls = said.tool_calls or ()
        check_index(choice.index, self._choices)
        return Delta(
            choice.index,
            said.content or "",
            read_reason(choice.finish_reason),
            details=details_of(said, _called(calls), choice.logprobs),
        )


def whole_answer(
    status: int, headers: Mapping[str, str], body: bytes, decoder: msgspec.json.Decoder[A]
) -> A:
    """Read a whole body. Raises what the client is told when it is a failure, or not JSON."""
    if status != 200:
        raise failure(status, headers, body)
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise BackendError("The model server answers with something else than JSON.")
    answer = read_answer(body, decoder)
    if is_error(answer.error):
        raise stream_failure(bytes(answer.error))
    return answer


def usage_delta(usage: CompletionUsage) -> Delta:
    """Return what the server counted. Zero is a server that does not count."""
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    cached = prompt.cached_tokens if prompt else None
    reasoning = completion.reasoning_tokens if completion else None
    return Delta(
        WHOLE,
        completion_tokens=_counted(usage.completion_tokens),
        prompt_tokens=_counted(usage.prompt_tokens),
        details=None
        if cached is None and reasoning is None
        else Details(cached_tokens=cached, reasoning_tokens=reasoning),
    )


def details_of(
    said: Said, calls: Sequence[CalledTool], logprobs: Logprobs | None
) -> Details | None:
    """Return what few deltas have; None when this has nothing of it."""
    reasoning = said.reasoning_content or said.reasoning or ""
    refusal = said.refusal or ""
    tokens = tuple(logprobs.neutral()) if logprobs is not None else ()
    if not (reasoning or refusal or calls or tokens):
        return None
    return Details(reasoning, refusal, tuple(calls), tokens)


def check_index(index: int, choices: int) -> None:
    """Raise BackendError for a choice that was not asked for."""
    if not 0 <= index < choices:
        raise BackendError("The model's answer has an unknown choice.")


def made_id() -> str:
    """Return an id for a tool call that the server gave none."""
    return f"call_{secrets.token_hex(12)}"


def _called(pieces: Sequence[ToolPiece]) -> list[CalledTool]:
    calls = []
    for index, piece in enumerate(pieces):
        if piece.function is None or not piece.function.name:
            raise malformed()
        arguments = piece.function.arguments or ""
        calls.append(CalledTool(index, arguments, piece.id or made_id(), piece.function.name))
    return calls


def _counted(tokens: int | None) -> int | None:
    if tokens is not None and tokens < 0:
        raise malformed()
    return tokens or None

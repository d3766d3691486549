"""A plain answer while it is put together: the choices, and what is told of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.types.answer import WHOLE, CalledTool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extauth.types import Delta
    from extauth.types.answer import Details, Embeddings, TensorAnswer, TokenLogprob


class CollectedChoice:
    """A choice so far, its texts in pieces. `tokens` is None where the server tells none."""

    __slots__ = (
        "_calls",
        "finish_reason",
        "logprobs",
        "output",
        "pieces",
        "reasoning",
        "refusal",
        "tokens",
    )

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.finish_reason: str | None = None
        self.tokens: int | None = None
        self.output: str | None = None
        self.reasoning = ""
        self.refusal = ""
        self.logprobs: list[TokenLogprob] = []
        self._calls: dict[int, CalledTool] = {}

    @property
    def text(self) -> str:
        """Its text so far."""
        return "".join(self.pieces)

    @property
    def tool_calls(self) -> list[CalledTool]:
        """Its tool calls, in the order of their indices."""
        return [self._calls[index] for index in sorted(self._calls)]

    def add(self, details: Details) -> None:
        """Take in the rarer parts of a delta."""
        self.reasoning += details.reasoning
        self.refusal += details.refusal
        self.logprobs += details.logprobs
        self.output = details.output
        for piece in details.tool_calls:
            known = self._calls.get(piece.index, CalledTool(piece.index))
            self._calls[piece.index] = CalledTool(
                piece.index,
                known.arguments + piece.arguments,
                known.id or piece.id,
                known.name or piece.name,
            )


class Collected:
    """The deltas of every choice so far, joined by index, and the data beside the text."""

    __slots__ = (
        "_choices",
        "cached_tokens",
        "data",
        "reasoning_tokens",
        "told_prompt",
        "told_whole",
    )

    def __init__(self) -> None:
        self._choices: dict[int, CollectedChoice] = {}
        self.told_prompt = False
        """True once the backend has told how many tokens the prompt has."""
        self.told_whole = False
        """True once it has told how many all choices have together."""
        self.cached_tokens: int | None = None
        self.reasoning_tokens: int | None = None
        self.data: Embeddings | TensorAnswer | dict[str, object] | None = None

    def add(self, deltas: Sequence[Delta]) -> None:
        """Take these deltas in, in their order."""
        for delta in deltas:
            if delta.prompt_tokens is not None:
                self.told_prompt = True
            if delta.index == WHOLE:
                if delta.completion_tokens is not None:
                    self.told_whole = True
                self.told(delta.details)
                continue
            choice = self._choices.get(delta.index)
            if choice is None:
                choice = self._choices[delta.index] = CollectedChoice()
            choice.pieces.append(delta.text)
            if delta.finish_reason is not None:
                choice.finish_reason = delta.finish_reason
            if delta.completion_tokens is not None:
                choice.tokens = delta.completion_tokens
            if delta.details is not None:
                choice.add(delta.details)
                self.told(delta.details)

    def told(self, details: Details | None) -> None:
        """Note what is told of the answer as a whole; the last word counts."""
        if details is None:
            return
        if details.cached_tokens is not None:
            self.cached_tokens = details.cached_tokens
        if details.reasoning_tokens is not None:
            self.reasoning_tokens = details.reasoning_tokens
        if details.data is not None:
            self.data = details.data

    def choices(self) -> Iterable[tuple[int, CollectedChoice]]:
        """Return index and choice, by index."""
        return sorted(self._choices.items())

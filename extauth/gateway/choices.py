"""The filters of a model's words, choice by choice: treated, restored, links looked at.

A choice has several texts: its content, its reasoning, a refusal, the arguments of each tool call.
Each passes filters of its own, as they arrive cut anywhere and side by side.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from extauth.content.address import Addresses
from extauth.content.guard import LinkFilter
from extauth.types import Delta
from extauth.types.answer import WHOLE, CalledTool, Details

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extauth.content.privacy import AnswerFilter, AnswerFilters
    from extauth.obligations import AnswerGuard
    from extauth.types.answer import TokenLogprob

_MOST_PENDING: Final = 1024
"""Log probabilities that wait for the text which they belong to; filters hold back less."""

_NOTHING: Final = Details()


class ChoiceFilters:
    """The filters of every choice of one answer. Belongs to one task.

    All that it gave of a text, joined, is the same however the text was cut. Raises ContentBlocked
    where the policy blocks what was said; the answer is over then.
    """

    __slots__ = ("_choices", "_domains", "_guards", "_making", "idle")

    def __init__(self, making: AnswerFilters, guards: Sequence[AnswerGuard]) -> None:
        self._making = making
        self._guards = guards
        self._domains = [Addresses(one.allowed_domains) for one in guards if one.allowed_domains]
        self._choices: dict[int, _Choice] = {}
        self.idle = making.idle and not guards
        """True when every answer passes as it is."""

    def whole(self, deltas: Iterable[Delta]) -> list[Delta]:
        """Filter a plain answer: each delta has the whole of its choice."""
        if self.idle:
            return list(deltas)
        return [
            delta if delta.index == WHOLE else _Choice(self._text).whole(delta) for delta in deltas
        ]

    def feed(self, delta: Delta) -> Delta:
        """Filter a piece of a stream; a finish reason lets out all that was held back."""
        if self.idle or delta.index == WHOLE:
            return delta
        choice = self._choices.get(delta.index)
        if choice is None:
            choice = self._choices[delta.index] = _Choice(self._text)
        return choice.feed(delta)

    def held(self) -> list[Delta]:
        """Return what is still held back of choices without a finish when the stream ends."""
        held = [choice.finish(index) for index, choice in self._choices.items()]
        return [one for one in held if one.text or (one.details and one.details.texts)]

    def _text(self, *, quoted: bool = False) -> _Text:
        links = [LinkFilter(one.links, one.allowed_domains) for one in self._guards]
        return _Text(self._making.filter(self._allows, quoted=quoted), links)

    def _allows(self, authority: str) -> bool:
        """Return whether originals may go to a host: it is on a list, and on everybody's."""
        return bool(self._domains) and all(one.allows(authority) for one in self._domains)


class _Text:
    """The filters of one text, one after the other."""

    __slots__ = ("_answer", "_links")

    def __init__(self, answer: AnswerFilter, links: Sequence[LinkFilter]) -> None:
        self._answer = answer
        self._links = links

    def whole(self, text: str) -> str:
        text = self._answer.whole(text)
        for links in self._links:
            text = links.feed(text) + links.finish()
        return text

    def feed(self, text: str) -> str:
        text = self._answer.feed(text)
        for links in self._links:
            text = links.feed(text)
        return text

    def finish(self) -> str:
        rest = self._answer.finish()
        for links in self._links:
            rest = links.feed(rest) + links.finish()
        return rest


class _Choice:
    """The texts of one choice. Its content has a filter from the start, others when they begin."""

    __slots__ = ("_arguments", "_make", "_output", "_pending", "_reasoning", "_refusal", "_text")

    def __init__(self, make: _Make) -> None:
        self._make = make
        self._text = make()
        self._reasoning: _Text | None = None
        self._refusal: _Text | None = None
        self._arguments: dict[int, _Text] = {}
        self._pending: _Pending | None = None
        self._output: str | None = None

    def whole(self, delta: Delta) -> Delta:
        text = self._text.whole(delta.text)
        details = delta.details
        if details is not None:
            given = replace(
                details,
                reasoning=self._make().whole(details.reasoning),
                refusal=self._make().whole(details.refusal),
                tool_calls=tuple(
                    [
                        replace(
                            call,
                            name=call.name and self._make().whole(call.name),
                            arguments=self._make(quoted=True).whole(call.arguments),
                        )
                        for call in details.tool_calls
                    ]
                ),
            )
            details = self._with_logprobs(details, given, delta.text, text)
        return replace(delta, text=text, details=details)

    def feed(self, delta: Delta) -> Delta:
        text = self._text.feed(delta.text)
        last = delta.finish_reason is not None
        if last:
            text += self._text.finish()
        details = delta.details
        if details is None and self._reasoning is None and not last and self._pending is None:
            return replace(delta, text=text)
        told = details or _NOTHING
        self._output = told.output
        given = self._fed(told, ends=last, answers=bool(delta.text or told.tool_calls))
        given = self._with_logprobs(told, given, delta.text, text)
        return replace(delta, text=text, details=None if given == _NOTHING else given)

    def finish(self, index: int) -> Delta:
        rest = self._fed(Details(output=self._output), ends=True, answers=False)
        return Delta(index, self._text.finish(), details=None if rest == _NOTHING else rest)

    def _fed(self, details: Details, *, ends: bool, answers: bool) -> Details:
        """Return what may be told of `details` by now. Reasoning ends where the answer begins."""
        reasoning = refusal = ""
        if details.reasoning:
            self._reasoning = self._reasoning or self._make()
            reasoning = self._reasoning.feed(details.reasoning)
        if self._reasoning is not None and (ends or answers):
            reasoning += self._reasoning.finish()
            self._reasoning = None
        if details.refusal:
            self._refusal = self._refusal or self._make()
            refusal = self._refusal.feed(details.refusal)
        if self._refusal is not None and ends:
            refusal += self._refusal.finish()
        calls = [self._called(piece) for piece in details.tool_calls]
        if ends:
            rests = ((index, one.finish()) for index, one in sorted(self._arguments.items()))
            calls += [CalledTool(index, rest) for index, rest in rests if rest]
        return replace(details, reasoning=reasoning, refusal=refusal, tool_calls=tuple(calls))

    def _called(self, piece: CalledTool) -> CalledTool:
        arguments = self._arguments.get(piece.index)
        if arguments is None:
            arguments = self._arguments[piece.index] = self._make(quoted=True)
        name = piece.name and self._make().whole(piece.name)
        return CalledTool(piece.index, arguments.feed(piece.arguments), piece.id, name)

    def _with_logprobs(self, told: Details, given: Details, before: str, after: str) -> Details:
        """Return `given` with the log probabilities of what was told unchanged."""
        if not told.logprobs and self._pending is None:
            return given
        if self._pending is None:
            self._pending = _Pending()
        passed = self._pending.feed(told.logprobs, before + _said(told), after + _said(given))
        return replace(given, logprobs=passed)


class _Pending:
    """Log probabilities: told once their text is, and never from where that was changed.

    They spell the text token by token, so that what was removed from it would be read there.
    """

    __slots__ = ("_after", "_before", "_begun", "_changed", "_tokens")

    def __init__(self) -> None:
        self._before = ""
        self._after = ""
        self._tokens: deque[TokenLogprob] = deque()
        self._begun = False
        self._changed = False

    def feed(
        self, tokens: Sequence[TokenLogprob], before: str, after: str
    ) -> tuple[TokenLogprob, ...]:
        """Return those that may be told by now; `before` became `after`, as far as it is given."""
        if self._changed:
            return ()
        self._before += before
        self._after += after
        self._tokens += tokens
        passed = []
        while self._tokens and not self._changed:
            spelled = self._tokens[0].token
            # Some servers leave out the space that the first token begins with.
            if not self._begun and not self._before.startswith(spelled):
                spelled = spelled.lstrip()
            if len(spelled) > len(self._after):
                break
            told = self._before.startswith(spelled) and self._after.startswith(spelled)
            self._changed = not told
            if told:
                self._begun = True
                passed.append(self._tokens.popleft())
                self._before = self._before[len(spelled) :]
                self._after = self._after[len(spelled) :]
        if len(self._tokens) > _MOST_PENDING or not self._before.startswith(self._after):
            self._changed = True
        if self._changed:
            self._tokens.clear()
        return tuple(passed)


def _said(details: Details) -> str:
    calls = [(call.name or "") + call.arguments for call in details.tool_calls]
    return "".join([details.reasoning, details.refusal, *calls])


if TYPE_CHECKING:
    from typing import Protocol

    class _Make(Protocol):
        """Makes the filters of a text; of one inside of JSON strings where it is `quoted`."""

        def __call__(self, *, quoted: bool = False) -> _Text: ...

"""The request as it will be sent, while obligations change it."""

from __future__ import annotations

from collections import Counter
from itertools import compress
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Self, TypeVar

import msgspec
from msgspec.structs import replace

from extauth.obligations.rendering import DraftModel, Model_co, Rendering

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from extauth.obligations.guard import AnswerGuard
    from extauth.obligations.mask import Treatment
    from extauth.types import Limit
    from extauth.types.call import Call


class Found(Protocol):
    """A finding of the detector in one text (`content.privacy.Finding`)."""

    @property
    def kind(self) -> str:
        """The kind of sensitive data."""


class Treated(Protocol):
    """A text after a treatment, with the findings that still stand in it."""

    @property
    def text(self) -> str:
        """The text."""

    @property
    def remaining(self) -> Sequence[Found]:
        """The findings, at their new offsets."""


class DraftMasker(Protocol):
    """The treatments of a request's findings (`content.privacy.Masker`)."""

    def mask(
        self,
        text: str,
        findings: Sequence[Any],
        *,
        kinds: Collection[str],
        treatment: Literal["placeholder", "redact", "hash", "stand_in"],
    ) -> Treated:
        """Replace the findings of these kinds; `findings` are those of this masker's detector."""


Masker_co = TypeVar("Masker_co", bound=DraftMasker, covariant=True)


class Draft(msgspec.Struct, Generic[Model_co, Masker_co], frozen=True):
    """A request on its way to a model, and the most that it may cost.

    `asked` is what the client wants a choice to have at most, None for as much as there is room
    for; `ceiling` what it may have, None without a bound. `findings` belong to `texts`, in the same
    order. `dropped` turns of a chat were left out. `limits` are those to reserve under, once
    nothing changes any more. `answers` says how findings of which kinds in the answer are to be
    treated, `noting` which kinds are told of and left as they are. `guards` are applied to the
    answer's links, one after the other. `settlement` says whose count of the tokens is charged;
    None is the larger.
    """

    rendering: Rendering[Model_co]
    texts: Sequence[str]
    findings: Sequence[Sequence[Found]]
    asked: int | None
    masker: Masker_co
    ceiling: int | None = None
    dropped: int = 0
    settlement: Literal["larger", "backend"] | None = None
    limits: tuple[Limit, ...] = ()
    answers: Mapping[str, Treatment] = {}
    noting: frozenset[str] = frozenset()
    guards: tuple[AnswerGuard, ...] = ()

    @property
    def model(self) -> Model_co:
        """The model that it goes to."""
        return self.rendering.model

    @property
    def call(self) -> Call:
        """The call with the draft's texts."""
        return self.rendering.call

    @property
    def prompts(self) -> Sequence[str]:
        """The strings that the model is given."""
        return self.rendering.prompts

    @property
    def counts(self) -> Sequence[int]:
        """The tokens of each prompt."""
        return self.rendering.counts

    @property
    def prompt_tokens(self) -> int:
        """Tokens of all prompts together."""
        return sum(self.rendering.counts)

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt."""
        return max(self.rendering.counts)

    @property
    def max_tokens(self) -> int:
        """The most that one choice may have: what is sent, and reserved."""
        model = self.rendering.model
        if model.task == "embedding":
            return 0
        wanted = self.asked
        if wanted is None:
            wanted = max(1, model.context_length - self.longest)
        return wanted if self.ceiling is None else min(wanted, self.ceiling)

    @property
    def noted(self) -> dict[str, int]:
        """The number of findings that are left of each kind to tell of."""
        if not self.noting:
            return {}
        kinds = (finding.kind for found in self.findings for finding in found)
        return dict(Counter(kind for kind in kinds if kind in self.noting))

    @property
    def worst_case(self) -> int:
        """Tokens if every choice runs to its end."""
        return self.prompt_tokens + self.max_tokens * self.call.parameters.n

    def bounded(self, ceiling: int) -> Self:
        """Return the draft with at most so many tokens a choice; never more than before."""
        least = ceiling if self.ceiling is None else min(self.ceiling, ceiling)
        return replace(self, ceiling=least)

    def limited(self, limit: Limit) -> Self:
        """Return the draft with one more limit to reserve under."""
        return replace(self, limits=(*self.limits, limit))

    def rewritten(self, texts: Sequence[str], findings: Sequence[Sequence[Found]]) -> Self:
        """Return the draft with other texts, one for one, and what was found in them.

        They are rendered and counted when that is next asked for.
        """
        return replace(
            self, texts=texts, findings=findings, rendering=self.rendering.rewritten(texts)
        )

    def shortened(self, rendering: Rendering[Any], turns: int, kept: Sequence[bool]) -> Self:
        """Return the draft without its `turns` oldest turns: `rendering` is what is left.

        `kept` says of each text if it stays.
        """
        return replace(
            self,
            rendering=rendering,
            texts=list(compress(self.texts, kept)),
            findings=list(compress(self.findings, kept)),
            dropped=self.dropped + turns,
        )

    def routed(self, model: DraftModel, masker: DraftMasker) -> Self:
        """Return the draft for another model, whose prompts it is rendered as.

        `masker` takes the place of its own, of which nothing may be in use.
        """
        return replace(self, rendering=Rendering(model, self.call), masker=masker)


D = TypeVar("D", bound=Draft[DraftModel, DraftMasker])
M = TypeVar("M", bound=DraftModel)
K = TypeVar("K", bound=DraftMasker)


def draft_of(model: M, call: Call, texts: Sequence[str], masker: K) -> Draft[M, K]:
    """Return the request as the client wants it, rendered and counted, with nothing found in it.

    `texts` are those of `call`. Raises InvalidRequest when the model can't be given it.
    """
    rendering = Rendering(model, call)
    rendering.render()
    return Draft(
        rendering=rendering,
        texts=texts,
        findings=(),
        asked=call.parameters.max_tokens,
        masker=masker,
    )

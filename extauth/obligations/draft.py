"""The request as it will be sent, while obligations change it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Self, TypeVar

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from extauth.obligations.guard import AnswerGuard
    from extauth.obligations.mask import Treatment
    from extauth.types import Limit
    from extauth.types.call import Call


class DraftSettings(Protocol):
    """A model's settings, as far as obligations need them (`settings.Model`)."""

    @property
    def task(self) -> Literal["chat", "completion", "embedding"]:
        """The task that the model is for."""

    @property
    def context_length(self) -> int:
        """Tokens of a prompt and its answer together, at most."""


class DraftModel(Protocol):
    """A model, as far as obligations need it (`tokens.LanguageModel`)."""

    @property
    def settings(self) -> DraftSettings:
        """The model's settings."""

    def counts(self, prompts: Sequence[str]) -> list[int]:
        """Return the tokens of each prompt."""

    def prompts(self, call: Call) -> list[str]:
        """Return the strings that the model is given. Raises InvalidRequest."""


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


Model_co = TypeVar("Model_co", bound=DraftModel, covariant=True)
Masker_co = TypeVar("Masker_co", bound=DraftMasker, covariant=True)


class Draft(msgspec.Struct, Generic[Model_co, Masker_co], frozen=True):
    """A request on its way to a model, and the most that it may cost.

    `prompts` are what the model will be given and `counts` their tokens. Of a `stale` draft, whose
    texts or model have changed, both are None, so that whatever reads them fails: `rendered` makes
    them anew, once for all changes. `asked` is what the client wants a choice to have at most, None
    for as much as there is room for; `ceiling` what it may have, None without a bound. `findings`
    belong to `texts`, in the same order. `dropped` turns of a chat were left out. `limits` are
    those to reserve under, once nothing changes any more. `answers` says how findings of which
    kinds in the answer are to be treated, `noting` which kinds are told of and left as they are.
    `guards` are applied to the answer's links, one after the other. `settlement` says whose count
    of the tokens is charged; None is the larger.
    """

    model: Model_co
    call: Call
    texts: Sequence[str]
    findings: Sequence[Sequence[Found]]
    prompts: Sequence[str]
    counts: Sequence[int]
    asked: int | None
    masker: Masker_co
    stale: bool = False
    ceiling: int | None = None
    dropped: int = 0
    settlement: Literal["larger", "backend"] | None = None
    limits: tuple[Limit, ...] = ()
    answers: Mapping[str, Treatment] = {}
    noting: frozenset[str] = frozenset()
    guards: tuple[AnswerGuard, ...] = ()

    @property
    def prompt_tokens(self) -> int:
        """Tokens of all prompts together."""
        return sum(self.counts)

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt."""
        return max(self.counts)

    @property
    def max_tokens(self) -> int:
        """The most that one choice may have: what is sent, and reserved."""
        settings = self.model.settings
        if settings.task == "embedding":
            return 0
        wanted = self.asked
        if wanted is None:
            wanted = max(1, settings.context_length - self.longest)
        return wanted if self.ceiling is None else min(wanted, self.ceiling)

    @property
    def noted(self) -> dict[str, int]:
        """The number of findings that are left of each kind to tell of."""
        if not self.noting:
            return {}
        kinds = (finding.kind for found in self.findings for finding in found)
        return dict(Counter(kind for kind in kinds if kind in self.noting))

    @property
    def completion_tokens(self) -> int:
        """Tokens of the whole answer if every choice runs to its end."""
        return self.max_tokens * self.call.parameters.n

    def bounded(self, ceiling: int) -> Self:
        """Return the draft with at most so many tokens a choice; never more than before."""
        least = ceiling if self.ceiling is None else min(self.ceiling, ceiling)
        return replace(self, ceiling=least)

    def limited(self, limit: Limit) -> Self:
        """Return the draft with one more limit to reserve under."""
        return replace(self, limits=(*self.limits, limit))

    def rewritten(self, texts: Sequence[str], findings: Sequence[Sequence[Found]]) -> Self:
        """Return the draft with other texts, one for one, and their findings. It is stale."""
        return replace(self, texts=texts, findings=findings, prompts=None, counts=None, stale=True)

    def routed(self, model: DraftModel, masker: DraftMasker) -> Self:
        """Return the draft for another model. It is stale.

        `masker` takes the place of its own, of which nothing may be in use.
        """
        return replace(self, model=model, masker=masker, prompts=None, counts=None, stale=True)

    def rendered(self) -> Self:
        """Return the draft with its prompts and their counts; itself when it has them.

        Raises InvalidRequest when the model can't be given the texts.
        """
        if not self.stale:
            return self
        call = self.call.replace(self.texts)
        prompts, counts = rendered(self.model, call)
        return replace(self, call=call, prompts=prompts, counts=counts, stale=False)


D = TypeVar("D", bound=Draft[DraftModel, DraftMasker])

M = TypeVar("M", bound=DraftModel)
K = TypeVar("K", bound=DraftMasker)


def draft_of(model: M, call: Call, texts: Sequence[str], masker: K) -> Draft[M, K]:
    """Return the request as the client wants it, rendered and counted, with nothing found in it.

    `texts` are those of `call`. Raises InvalidRequest when the model can't be given them.
    """
    prompts, counts = rendered(model, call)
    return Draft(
        model=model,
        call=call,
        texts=texts,
        findings=(),
        prompts=prompts,
        counts=counts,
        asked=call.parameters.max_tokens,
        masker=masker,
    )


def rendered(model: DraftModel, call: Call) -> tuple[list[str], list[int]]:
    """Return the strings that the model is given for a call, and the tokens of each.

    Of ids that the model is given as they are, the count is their number. Raises InvalidRequest.
    """
    prompts = model.prompts(call)
    given = call.given_ids
    return prompts, [given] if given else model.counts(prompts)

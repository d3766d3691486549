"""The request as it will be sent, while obligations change it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.content.privacy import Finding, Masker
    from extauth.tokens import LanguageModel
    from extauth.types import AnswerGuard, Limit, Treatment
    from extauth.types.call import Call


class Draft(msgspec.Struct, frozen=True):
    """What goes to the model and what it may cost at most.

    `prompts` are what the model will be given and `counts` their tokens. `asked` is what the client
    wants a choice to have at most, None for as much as there is room for; `ceiling` what it may
    have, None without a bound. `findings` belong to `texts`, in the same order. `dropped` turns of
    a chat were left out. `limits` are those to reserve under, once nothing changes any more.
    `answers` says how findings of which kinds in the answer are to be treated, `noting` which
    kinds are told of and left as they are. `guards` are applied to the answer's links, one after
    the other. `settlement` says whose count of the tokens is charged; None is the larger.
    """

    model: LanguageModel
    call: Call
    texts: Sequence[str]
    findings: Sequence[Sequence[Finding]]
    prompts: Sequence[str]
    counts: Sequence[int]
    asked: int | None
    masker: Masker
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
        """What one choice may have at most: what is sent, and reserved."""
        settings = self.model.settings
        if settings.task == "embedding":
            return 0
        wanted = self.asked
        if wanted is None:
            wanted = max(1, settings.context_length - self.longest)
        return wanted if self.ceiling is None else min(wanted, self.ceiling)

    def bounded(self, ceiling: int) -> Draft:
        """The draft with at most so many tokens a choice; never more than before."""
        least = ceiling if self.ceiling is None else min(self.ceiling, ceiling)
        return msgspec.structs.replace(self, ceiling=least)

    @property
    def noted(self) -> dict[str, int]:
        """How many findings of the kinds to tell of are left, by kind."""
        if not self.noting:
            return {}
        kinds = (finding.kind for found in self.findings for finding in found)
        return dict(Counter(kind for kind in kinds if kind in self.noting))

    @property
    def worst_case(self) -> int:
        """Tokens if every choice runs to its end."""
        return self.prompt_tokens + self.max_tokens * self.call.parameters.n

"""The request as it will be sent, while obligations change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.privacy import Finding, Masker
    from extauth.protocol import Call
    from extauth.tokens import LanguageModel
    from extauth.types import Limit


class Draft(msgspec.Struct, frozen=True):
    """What goes to the model and what it may cost at most.

    `prompts` are what the model will be given and `counts` their tokens; `max_tokens` bounds one
    choice. `findings` belong to `texts`, in the same order. `limits` are those to
    reserve under, once nothing changes any more.
    """

    model: LanguageModel
    call: Call
    texts: Sequence[str]
    findings: Sequence[Sequence[Finding]]
    prompts: Sequence[str]
    counts: Sequence[int]
    max_tokens: int
    masker: Masker | None = None
    limits: tuple[Limit, ...] = ()

    @property
    def prompt_tokens(self) -> int:
        """Tokens of all prompts together."""
        return sum(self.counts)

    @property
    def worst_case(self) -> int:
        """Tokens if every choice runs to its end."""
        return self.prompt_tokens + self.max_tokens * self.call.parameters.n

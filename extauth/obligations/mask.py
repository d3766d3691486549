"""`mask`: the treatment of what the detector found, by kind, in the request and in the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec.structs import replace

from extauth.errors import PolicyError

if TYPE_CHECKING:
    from extauth.obligations.draft import D

Treatment = Literal["placeholder", "redact", "hash", "stand_in", "note", "block"]
"""The treatment of a finding. `placeholder` is put back into the answer, `redact` removes it for
good, `hash` gives equal originals of a tenant the same text, `stand_in` writes another value of the
same format, `note` leaves it in place and reports it, `block` refuses the answer that holds it.
"""


class Mask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="mask"):
    """Treat findings of these kinds before a model sees them, or before the client does."""

    kinds: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="Kinds of sensitive data, as in the input's `sensitive`."),
    ]
    treatment: Annotated[
        Treatment,
        msgspec.Meta(
            description="placeholder: put back into the answer. redact: gone for good. hash: the "
            "same text for equal originals of a tenant. stand_in: another value of the same "
            "format. note: left in place and reported. block: the answer is refused; to refuse a "
            "request, deny it."
        ),
    ] = "placeholder"
    direction: Annotated[
        Literal["request", "answer"],
        msgspec.Meta(
            description="request: the texts that go to the model. answer: the texts that come "
            "back, where a placeholder is not possible."
        ),
    ] = "request"

    def __post_init__(self) -> None:
        if self.direction == "answer" and self.treatment == "placeholder":
            raise ValueError("a placeholder is put back into the answer: it is for requests")
        if self.direction == "request" and self.treatment == "block":
            raise ValueError("a request is blocked by a deny: `block` is for answers")

    def __str__(self) -> str:
        return f"{self.treatment} {', '.join(self.kinds)}"

    @property
    def label(self) -> str:
        """The obligation in a verdict: the two directions are compared apart."""
        return "mask" if self.direction == "request" else "mask of answers"

    def enforce(self, draft: D) -> D:
        """Treat the findings of these kinds in the draft's texts.

        Placeholders are remembered in the draft's masker, for the way back. What is to be noted is
        left. For answers the draft only remembers what is asked for: as with texts, which are
        treated once, the first treatment of a kind holds.
        """
        if self.direction == "answer":
            asked = dict.fromkeys(self.kinds, self.treatment)
            return replace(draft, answers={**asked, **draft.answers})
        kinds, treatment = frozenset(self.kinds), self.treatment
        if treatment == "note":
            return replace(draft, noting=draft.noting | kinds)
        if treatment == "block":
            raise PolicyError("a request is blocked by a deny, not by an obligation")
        if not any(finding.kind in kinds for found in draft.findings for finding in found):
            return draft
        texts, findings = [], []
        for text, found in zip(draft.texts, draft.findings, strict=True):
            masked = draft.masker.mask(text, found, kinds=kinds, treatment=treatment)
            texts.append(masked.text)
            findings.append(masked.remaining)
        return draft.rewritten(texts, findings)

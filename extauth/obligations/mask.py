"""`mask`: what becomes of what the detector found, by kind, in the request and in the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from extauth.errors import PolicyError

if TYPE_CHECKING:
    from extauth.obligations.draft import Draft
    from extauth.types import Mask


def mask(obligation: Mask, draft: Draft) -> Draft:
    """Treat the findings of these kinds, and count again what the model will be given.

    Placeholders are remembered in the draft's masker, for the way back. What is to be noted is
    left. For answers the draft only remembers what is asked for: as with texts, which are treated
    once, the first treatment of a kind holds.
    """
    if obligation.direction == "answer":
        asked = dict.fromkeys(obligation.kinds, obligation.treatment)
        return replace(draft, answers={**asked, **draft.answers})
    kinds, treatment = frozenset(obligation.kinds), obligation.treatment
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
    call = draft.call.replace(texts)
    prompts = draft.model.prompts(call)
    return replace(
        draft,
        call=call,
        texts=texts,
        findings=findings,
        prompts=prompts,
        counts=draft.model.counts(prompts),
    )

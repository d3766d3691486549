"""`mask`: what the detector found does not leave, by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from extauth.privacy import Masker

if TYPE_CHECKING:
    from extauth.obligations.draft import Draft
    from extauth.types import Mask


def mask(obligation: Mask, draft: Draft) -> Draft:
    """Replace the findings of these kinds, and count again what the model will be given.

    Placeholders are remembered in the draft's masker, for the way back.
    """
    kinds = frozenset(obligation.kinds)
    if not any(finding.kind in kinds for found in draft.findings for finding in found):
        return draft
    masker = draft.masker or Masker(draft.texts)
    texts, findings = [], []
    for text, found in zip(draft.texts, draft.findings, strict=True):
        masked = masker.mask(text, found, kinds=kinds, treatment=obligation.treatment)
        texts.append(masked.text)
        findings.append(masked.remaining)
    call = draft.call.replace(texts)
    prompts = call.prompts(draft.model)
    return replace(
        draft,
        call=call,
        texts=texts,
        findings=findings,
        prompts=prompts,
        counts=draft.model.counts(prompts),
        masker=masker,
    )

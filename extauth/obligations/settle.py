"""`settle`: whose count is charged where the backend counts tokens too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from extauth.obligations.draft import Draft
    from extauth.types import Settle


def settle(obligation: Settle, draft: Draft) -> Draft:
    """Charge by this. Of several the larger count wins, as it does without any."""
    if draft.settlement is not None and "larger" in (draft.settlement, obligation.by):
        return replace(draft, settlement="larger")
    return replace(draft, settlement=obligation.by)

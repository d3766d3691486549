"""`clamp`: answer shorter rather than not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.obligations.draft import Draft
    from extauth.types import Clamp


def clamp(obligation: Clamp, draft: Draft) -> Draft:
    """Lower the bound on a choice's tokens; never raises it."""
    return draft.bounded(obligation.max_tokens)

"""`guard`: what the answer may not carry out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from extauth.obligations.draft import Draft
    from extauth.types import AnswerGuard


def guard(obligation: AnswerGuard, draft: Draft) -> Draft:
    """Look at the answer's links by this too."""
    return replace(draft, guards=(*draft.guards, obligation))

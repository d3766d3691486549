"""`limit`: what is reserved before the request leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from extauth.ledger import Charge

if TYPE_CHECKING:
    from extauth.obligations.draft import Draft
    from extauth.types import Limit


def limit(obligation: Limit, draft: Draft) -> Draft:
    """Reserve under this limit too."""
    return replace(draft, limits=(*draft.limits, obligation))


def charges(draft: Draft) -> tuple[Charge, ...]:
    """The worst case of the finished draft under each of its limits."""
    return tuple(
        Charge(limit=limit, amount=draft.worst_case, fixed=draft.prompt_tokens)
        if limit.unit == "tokens"
        else Charge(limit=limit, amount=1)
        for limit in draft.limits
    )

"""From a decision's obligations to the draft that satisfies them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extauth.obligations.clamp import clamp
from extauth.obligations.context import context
from extauth.obligations.guard import guard
from extauth.obligations.limit import limit
from extauth.obligations.mask import mask
from extauth.obligations.settle import settle
from extauth.types import AnswerGuard, Clamp, Context, Limit, Mask, Obligation, Settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from extauth.obligations.draft import Draft

ENFORCERS: dict[type[Obligation], Callable[[Any, Draft], Draft]] = {
    Mask: mask,
    Clamp: clamp,
    Context: context,
    AnswerGuard: guard,
    Settle: settle,
    Limit: limit,
}
"""In the order of enforcement: what changes the count comes before what reserves it."""

_ORDER = {kind: place for place, kind in enumerate(ENFORCERS)}


def enforce(obligations: Iterable[Obligation], draft: Draft) -> Draft:
    """Apply every obligation. The order of equal types is the policy's.

    Raises InvalidRequest when what is left can't be sent.
    """
    for obligation in sorted(obligations, key=lambda each: _ORDER[type(each)]):
        draft = ENFORCERS[type(obligation)](obligation, draft)
    return draft

"""The one table of obligations. Decoding, order, names, schemas and documents come from it.

A new obligation is a file beside this one with its struct and a row here. The struct has a
`label`, its name in verdicts; `__str__`, the rest of it in a few words; and `enforce`, which
returns the draft that satisfies it. One that needs the prompts or their counts asks for
`draft.rendered()` first. It may raise InvalidRequest for what can't be sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from extauth.obligations.clamp import Clamp
from extauth.obligations.context import Context
from extauth.obligations.guard import AnswerGuard
from extauth.obligations.mask import Mask
from extauth.obligations.settle import Settle
from extauth.types import Limit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.obligations.draft import D

Obligation: TypeAlias = (
    Mask  # a row each
    | Clamp
    | Context
    | AnswerGuard
    | Settle
    | Limit
)
"""Every obligation, in the order of enforcement: what changes the texts comes before what counts
them, and what changes the count before what reserves it."""

ENFORCED: tuple[type[Obligation], ...] = get_args(Obligation)
"""The types of the table, in its order."""

if TYPE_CHECKING:
    ObligationName: TypeAlias = str
else:
    ObligationName = Literal[tuple(kind.__struct_config__.tag for kind in ENFORCED)]
"""A `type` of an obligation, as Rego writes it."""

_PLACES = {kind: place for place, kind in enumerate(ENFORCED)}


def enforce(obligations: Iterable[Obligation], draft: D) -> D:
    """Return the draft under every obligation, rendered. The order of equal types is the policy's.

    Raises InvalidRequest when what is left can't be sent.
    """
    for obligation in sorted(obligations, key=_place):
        draft = obligation.enforce(draft)
    return draft.rendered()


def _place(obligation: Obligation) -> int:
    return _PLACES[type(obligation)]

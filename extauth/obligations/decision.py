"""The policy output. `schemas/decision.schema.json` is made from these types.

msgspec structs, so that strict decoding happens in C.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from extauth.obligations.table import Obligation


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason to deny a request."""

    rule: Annotated[str, msgspec.Meta(description="The stable name of the rule that fired.")]
    message: Annotated[
        str, msgspec.Meta(description="A readable sentence, with the numbers that matter.")
    ]
    status: Annotated[
        Literal[403, 404, 422, 429, 451, 503],
        msgspec.Meta(description="The HTTP status of the answer."),
    ] = 403
    hidden: Annotated[
        bool,
        msgspec.Meta(description="If true, the reason is logged, and the client is not told it."),
    ] = False


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The destination of a request."""

    model: Annotated[str, msgspec.Meta(description="A model of the snapshot.")]
    version: Annotated[
        str, msgspec.Meta(description="A version that the model has, in canonical digits.")
    ]
    cluster: Annotated[str, msgspec.Meta(description="Envoy's name of the model's backend.")]


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy's answer. Anything else, and an undefined answer, is a deny and a policy error."""

    allow: Annotated[bool, msgspec.Meta(description="True if the request may go on.")]
    reasons: Annotated[
        tuple[Reason, ...],
        msgspec.Meta(description="The reasons for a deny; the client is told the first."),
    ] = ()
    route: Annotated[
        Route | None,
        msgspec.Meta(description="The destination of the request, if it goes to a model."),
    ] = None
    obligations: Annotated[
        tuple[Obligation, ...],
        msgspec.Meta(description="The obligations to meet before the request may go."),
    ] = ()

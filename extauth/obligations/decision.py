"""The policies' answers, from which `admission` and `decision.schema.json` in `schemas/` are made.

msgspec structs, so that strict decoding happens in C.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from extauth.obligations.table import Obligation


class _Unsaid(tuple[Obligation, ...]):
    """Obligations that a policy left out. No decision keeps them."""

    __slots__ = ()


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


class Admission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy's answer to a request's head. Nothing but this is an answer."""

    allow: Annotated[bool, msgspec.Meta(description="True if the request may go on.")]
    reasons: Annotated[
        tuple[Reason, ...],
        msgspec.Meta(description="The reasons for a deny; the client is told the first."),
    ] = ()
    route: Annotated[
        Route | None,
        msgspec.Meta(description="The destination of the request, if it goes to a model."),
    ] = None

    def decision(self) -> Decision:
        """Return the answer as a decision: it has no obligations."""
        return Decision(self.allow, self.reasons, self.route, ())


class Decision(Admission, frozen=True, forbid_unknown_fields=True):
    """A policy's answer to a whole request. Nothing but this is an answer.

    An allow has `obligations`, an empty list where there are none: a rule that forgets them would
    let a request go without masks and limits.
    """

    obligations: Annotated[
        tuple[Obligation, ...],
        msgspec.Meta(
            description="The obligations to meet before the request may go; required where "
            "`allow` is true, and empty where there are none."
        ),
    ] = msgspec.field(default_factory=_Unsaid)

    def __post_init__(self) -> None:
        """Raise ValueError for an allow whose obligations nobody gave."""
        if isinstance(self.obligations, _Unsaid):
            if self.allow:
                raise ValueError(
                    "an allow has no `obligations`; write an empty list if the request has none"
                )
            msgspec.structs.force_setattr(self, "obligations", ())

    def decision(self) -> Decision:
        """Return the decision itself."""
        return self

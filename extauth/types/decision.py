"""The policy output, exactly as in `schemas/decision.schema.json`.

msgspec structs, so that strict decoding happens in C.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from extauth.types.obligation import Obligation


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason to deny a request.

    `rule` is a stable name. The client is told `rule` and `message` unless `hidden` is true; the
    log has both either way. `status` is the HTTP status.
    """

    rule: str
    message: str
    status: Literal[403, 404, 422, 429, 451, 503] = 403
    hidden: bool = False


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The destination of a request: a model and version of the snapshot, and Envoy's cluster."""

    model: str
    version: str
    cluster: str


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy decision: allow, or deny with its reasons; the route; the obligations."""

    allow: bool
    reasons: tuple[Reason, ...] = ()
    route: Route | None = None
    obligations: tuple[Obligation, ...] = ()

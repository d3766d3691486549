"""The policy output, exactly as it stands in `schemas/decision.schema.json`.

These are msgspec structs, so strict decoding happens in C.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from extauth.types.obligation import Obligation


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a request is denied. `rule` is stable; a hidden one is logged and not told."""

    rule: str
    message: str
    status: Literal[403, 404, 422, 429, 451, 503] = 403
    hidden: bool = False


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the request goes: a model and version that the snapshot has, and Envoy's cluster."""

    model: str
    version: str
    cluster: str


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The policy output (schemas/decision.schema.json)."""

    allow: bool
    reasons: tuple[Reason, ...] = ()
    route: Route | None = None
    obligations: tuple[Obligation, ...] = ()

"""The interface of policy engines, through which everything asks for decisions."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

from extauth.errors import PolicyError
from extauth.types import Decision

if TYPE_CHECKING:
    from extauth.settings import Settings
    from extauth.types import Facts, Route


class Entrypoint(StrEnum):
    """An entry point of the policies. The value is the rule's path, for Wasm and the Data API."""

    ADMISSION = "gateway/admission/decision"
    INFERENCE = "gateway/inference/decision"


class PolicyEngine(Protocol):
    """Evaluates the policies of one snapshot. Belongs to one event loop."""

    name: str

    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """Return the policies' decision on these facts; equal facts give equal decisions.

        Raises PolicyError when it is undefined, conflicting, malformed or holds an obligation
        that nobody enforces, PolicyUnavailable when it does not come in time. Both are denies;
        their messages are for the log.
        """

    async def close(self) -> None:
        """Free what the engine holds. It decides nothing afterwards."""


def undefined(entrypoint: Entrypoint) -> PolicyError:
    """Return the error of a decision without a value: no rule gave one, nor a default."""
    return PolicyError(f"the decision {entrypoint} is undefined")


def malformed(entrypoint: Entrypoint, error: msgspec.MsgspecError) -> PolicyError:
    """Return the error of a decision that `schemas/decision.schema.json` does not allow."""
    return PolicyError(f"the decision {entrypoint} is malformed: {error}")


def checked_route(route: Route | None, settings: Settings) -> Route:
    """Return the policy's route. Raises PolicyError when the snapshot does not have it."""
    if route is None:
        raise PolicyError("the decision allows the request and routes it nowhere")
    model = settings.models.get(route.model)
    if model is None or route.version not in model.versions:
        raise PolicyError(f"the decision routes to {route.model}@{route.version}: no such model")
    if route.cluster != settings.backends[model.backend].cluster:
        raise PolicyError(f"the decision routes {route.model} to another backend's cluster")
    return route

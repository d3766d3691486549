"""The interface of policy engines, through which everything asks for decisions."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from extauth.errors import PolicyError
from extauth.obligations import Admission, Decision

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from extauth.obligations import Route
    from extauth.settings import Settings
    from extauth.types import Facts, ListingFacts


class Entrypoint(StrEnum):
    """An entry point of the policies. The value is the rule's path, for Wasm and the Data API."""

    ADMISSION = "gateway/admission/decision"
    INFERENCE = "gateway/inference/decision"


ANSWERS: Final[Mapping[Entrypoint, type[Admission]]] = {
    Entrypoint.ADMISSION: Admission,
    Entrypoint.INFERENCE: Decision,
}
"""The type of each entry point's answer, which says how it is to be written."""

LISTING: Final = "gateway/listing/decision"
"""The rule's path of the model list, which the shipped library has and no policy needs to."""


UNPROVED: Final = (
    "decisions come from the OPA server at {}, which somebody else runs: this gateway does not "
    "prove which policies it has, nor that they ask no network"
)
"""A sentence about `policy.url`, for whoever starts or watches the gateway."""


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer of `LISTING`: names such as `chat`, `chat@stable` and `chat@2`."""

    models: frozenset[str]


class Decider(Protocol):
    """Decides on facts, by some policies."""

    name: str

    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """Return the policies' decision on these facts; equal facts give equal decisions.

        Raises PolicyError when it is undefined, conflicting, malformed or holds an obligation
        that nobody enforces, PolicyUnavailable when it does not come in time. Both are denies;
        their messages are for the log.
        """


class PolicyEngine(Decider, Protocol):
    """Evaluates the policies of one snapshot. Belongs to one event loop."""

    async def list_models(self, facts: ListingFacts) -> frozenset[str]:
        """Return the names that admission allows, of the models that `facts` ask about.

        Each is what `decide` says of it by itself. Raises as `decide` does.
        """

    async def close(self) -> None:
        """Free what the engine holds. It decides nothing afterwards."""


def undefined(entrypoint: str) -> PolicyError:
    """Return the error of a decision without a value: no rule gave one, nor a default."""
    return PolicyError(f"the decision {entrypoint} is undefined")


def malformed(entrypoint: str, error: msgspec.MsgspecError) -> PolicyError:
    """Return the error of a decision that its schema does not allow."""
    return PolicyError(f"the decision {entrypoint} is malformed: {error}")


def decided(entrypoint: Entrypoint, value: object) -> Decision:
    """Return the decision that OPA gave as JSON. Raises PolicyError where it is malformed."""
    try:
        return msgspec.convert(value, ANSWERS[entrypoint]).decision()
    except msgspec.MsgspecError as error:
        raise malformed(entrypoint, error) from None


def checked_route(route: Route | None, settings: Settings) -> Route:
    """Return the policy's route. Raises PolicyError when the snapshot does not have it."""
    model = settings.models.get(route.model) if route else None
    served = (model.versions, settings.backends[model.backend].cluster) if model else None
    return served_route(route, served)


def served_route(route: Route | None, served: tuple[Collection[str], str] | None) -> Route:
    """Return the policy's route to a model with these versions on this cluster.

    Raises PolicyError, a defect of the policy, when there is no route, no such model (None), or
    another version or cluster in the route.
    """
    if route is None:
        raise PolicyError("the decision allows the request and routes it nowhere")
    versions, cluster = served or ((), "")
    if route.version not in versions:
        raise PolicyError(f"the decision routes to {route.model}@{route.version}: no such model")
    if route.cluster != cluster:
        raise PolicyError(f"the decision routes {route.model} to another backend's cluster")
    return route

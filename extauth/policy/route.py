"""Whether a decision's route leads anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.errors import PolicyError

if TYPE_CHECKING:
    from extauth.settings import Settings
    from extauth.types import Route


def checked_route(route: Route | None, settings: Settings) -> Route:
    """The policy's route, if the snapshot has it; a route to nowhere is a policy's defect."""
    if route is None:
        raise PolicyError("the decision allows the request and routes it nowhere")
    model = settings.models.get(route.model)
    if model is None or route.version not in model.versions:
        raise PolicyError(f"the decision routes to {route.model}@{route.version}: no such model")
    if route.cluster != settings.backends[model.backend].cluster:
        raise PolicyError(f"the decision routes {route.model} to another backend's cluster")
    return route

"""The models that a policy shows to a principal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extauth.facts import listing_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extauth.policy import PolicyEngine
    from extauth.rollout import TrialEngine
    from extauth.settings import Model
    from extauth.types import Facts

_AT_ONCE = 64
"""Names that one question is about: some 10 ms of the engine's time."""


async def list_models(
    engine: PolicyEngine | TrialEngine, models: Mapping[str, Model], facts: Facts
) -> list[str]:
    """Return the names that `facts` may ask for, in the configuration's order.

    `chat`, then its aliases, then its versions. `facts` are those of a question that names a
    model, at admission, but for the model. Raises as `PolicyEngine.decide` does.
    """
    found: list[str] = []
    for part in _parts(models):
        visible = await engine.list_models(listing_facts(facts, part))
        found += [name for names in part.values() for name in names if name in visible]
        # Wasm has not let go of the event loop.
        await asyncio.sleep(0)
    return found


def _parts(models: Mapping[str, Model]) -> Iterator[dict[str, list[str]]]:
    """The models' names by model, cut into questions."""
    part: dict[str, list[str]] = {}
    size = 0
    for model in models.values():
        names = [
            model.name,
            *(f"{model.name}@{alias}" for alias in sorted(model.aliases)),
            *(f"{model.name}@{version}" for version in model.versions),
        ]
        if part and size + len(names) > _AT_ONCE:
            yield part
            part, size = {}, 0
        part[model.name] = names
        size += len(names)
    if part:
        yield part

"""A snapshot in memory: opened once, shared by every request that pins it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

from extauth.backends import open_backend
from extauth.content.detectors import open_externals
from extauth.content.guard import Guard
from extauth.content.privacy import Detector, Terms
from extauth.facts import Calendar
from extauth.facts.counters import UsageCounters
from extauth.gateway.listing import list_models
from extauth.identity import Identifier, JwtIdentity
from extauth.policy import open_engine
from extauth.rollout.pinned import Pinned
from extauth.tokens import LanguageModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth import obligations
    from extauth.backends import Backend
    from extauth.content.detectors import ExternalServices
    from extauth.content.privacy import Masker
    from extauth.identity import KeyRing
    from extauth.obligations import Decision
    from extauth.policy import Entrypoint, PolicyEngine
    from extauth.rollout import Trial
    from extauth.snapshot import Snapshot
    from extauth.types import Facts, Principal

    Draft: TypeAlias = obligations.Draft[LanguageModel, Masker]
    """A request on its way to a model of a runtime."""


class Runtime(Pinned):
    """A snapshot ready to serve. Belongs to one event loop.

    Each request pins the runtime it began with; a replaced one retires when its last request ends.
    `trial` is the one that runs on it, if there is one. `capabilities` are those of each model's
    backend, by the model's name.
    """

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        engine: PolicyEngine,
        models: Mapping[str, LanguageModel],
        backends: Mapping[str, Backend],
        calendar: Calendar,
        identifier: Identifier,
        counters: UsageCounters,
        detector: Detector,
        guard: Guard,
        externals: ExternalServices | None,
    ) -> None:
        super().__init__()
        self.snapshot = snapshot
        self.engine = engine
        self.models = models
        self.backends = backends
        self.capabilities = {
            name: backends[model.settings.backend].capabilities(model.settings)
            for name, model in models.items()
        }
        self.calendar = calendar
        self.identifier = identifier
        self.counters = counters
        self.detector = detector
        self.guard = guard
        self.externals = externals
        self.trial: Trial | None = None

    @classmethod
    async def open(cls, snapshot: Snapshot, keys: KeyRing, *, opa_url: str | None) -> Runtime:
        """Load the policy engine, tokenizers, chat templates and own terms of `snapshot`.

        Raises ConfigurationError for what can't be loaded.
        """
        settings, data = snapshot.settings, snapshot.root / "policy" / "data.json"
        return cls(
            snapshot=snapshot,
            models={
                name: await asyncio.to_thread(LanguageModel.load, snapshot, name)
                for name in settings.models
            },
            backends={name: open_backend(one) for name, one in settings.backends.items()},
            calendar=Calendar(ZoneInfo(settings.time_zone)),
            identifier=Identifier(keys, JwtIdentity(settings.identity.jwt)),
            counters=UsageCounters.of_data(data),
            detector=await asyncio.to_thread(_detector, data),
            guard=await asyncio.to_thread(Guard.of_data, data),
            externals=open_externals(settings),
            # The last: nothing can fail any more that would leave it open.
            engine=await asyncio.to_thread(open_engine, snapshot, opa_url),
        )

    async def decide(self, principal: Principal, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """The decision of the policies that serve `principal` now. Raises as `engine` does."""
        if self.trial is None:
            return await self.engine.decide(entrypoint, facts)
        with self.trial.apart(principal, self.engine) as asked:
            return await asked.decide(entrypoint, facts)

    async def list_models(self, facts: Facts) -> list[str]:
        """The models that the principal of `facts` may ask for now; see `listing.list_models`."""
        models = self.snapshot.settings.models
        if self.trial is None:
            return await list_models(self.engine, models, facts)
        with self.trial.apart(facts.principal, self.engine) as asked:
            return await list_models(asked, models, facts)

    async def close(self) -> None:
        """Let go of the connections and the engine. No request may need it any more."""
        if self.externals is not None:
            await self.externals.close()
        await self.engine.close()

    async def retire(self) -> None:
        """End its trial, wait for the last request, then let go of the engine."""
        if self.trial is not None:
            self.trial.end("another snapshot was applied")
        await self.unused()
        await self.close()
        if self.trial is not None:
            await self.trial.closed()


def _detector(data: Path) -> Detector:
    """Return the detector: the built-in recognisers, and the terms of the policy's data."""
    return Detector(terms=Terms.of_data(data.read_bytes()))

"""The policy's decisions on one request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from extauth.errors import GatewayError
from extauth.gateway.listing import list_models

if TYPE_CHECKING:
    from extauth.audit import TrialPart
    from extauth.gateway.entry import Entry
    from extauth.gateway.metrics import RequestMetrics
    from extauth.gateway.runtime import Runtime
    from extauth.obligations import Decision
    from extauth.policy import Entrypoint
    from extauth.rollout import TrialEngine
    from extauth.types import Facts, Principal


class Decisions:
    """Asks the policies that the request began with, or the candidate that is tried on it.

    The last question and its answer are on the record. Belongs to one request.
    """

    __slots__ = ("_entry", "_metrics", "_part", "_runtime")

    def __init__(self, runtime: Runtime, metrics: RequestMetrics, entry: Entry) -> None:
        self._runtime = runtime
        self._metrics = metrics
        self._entry = entry
        self._part: TrialEngine | None = None

    def join(self, request_id: str, principal: Principal) -> None:
        """Take part in the trial of a candidate, if one runs that is about this request."""
        trial = self._runtime.trial
        if trial is not None:
            self._part = trial.join(request_id, principal, self._runtime.engine)

    async def ask(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """Return the decision on these facts.

        Raises PolicyError or PolicyUnavailable, which are denies.
        """
        self._entry.facts = facts
        engine = self._part or self._runtime.engine
        started = time.perf_counter()
        try:
            decision = self._entry.decision = await engine.decide(entrypoint, facts)
        except GatewayError:
            spent = time.perf_counter() - started
            self._metrics.decision(engine.name, entrypoint, spent, ok=False)
            raise
        self._metrics.decision(engine.name, entrypoint, time.perf_counter() - started, ok=True)
        return decision

    async def list_models(self, facts: Facts) -> list[str]:
        """Return the names of the models that these facts may ask for, in the catalogue's order.

        It is not on the record, which has the decision that lets it be asked. Raises as `ask`.
        """
        models = self._runtime.snapshot.settings.models
        return await list_models(self._part or self._runtime.engine, models, facts)

    def close(self) -> TrialPart | None:
        """End the part in the trial; what the record says of it. Call it once."""
        return self._part.close() if self._part is not None else None

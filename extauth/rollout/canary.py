"""Canary: the candidate decides for a share of principals, the live policy for the others."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from extauth.audit import TrialPart
from extauth.errors import GatewayError
from extauth.rollout.record import Mode
from extauth.rollout.trial import Trial, TrialEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.obligations import Decision
    from extauth.policy import Entrypoint, PolicyEngine
    from extauth.types import Facts, ListingFacts, Principal

logger = logging.getLogger(__name__)


class Canary(Trial):
    """A canary. A principal stays in its group for as long as the candidate is the same."""

    mode = Mode.CANARY

    def join(self, request_id: str, principal: Principal, live: PolicyEngine) -> TrialEngine | None:
        """See Trial. Every request joins, so that the records tell the two groups apart."""
        if not self.running:
            return None
        chosen = self._shares(principal.id)
        return _CanaryEngine(self, request_id, live, group="candidate" if chosen else "live")

    @contextmanager
    def apart(
        self, principal: Principal, live: PolicyEngine
    ) -> Iterator[TrialEngine | PolicyEngine]:
        """See Trial."""
        part = self.join("", principal, live)
        try:
            yield part or live
        finally:
            if part is not None:
                part.close()


class _CanaryEngine(TrialEngine):
    """Engine that asks the candidate until it fails, and from then on the live policy."""

    __slots__ = ("_asked", "_canary", "_error", "_group", "_live", "_request_id")

    def __init__(
        self,
        canary: Canary,
        request_id: str,
        live: PolicyEngine,
        *,
        group: Literal["live", "candidate"],
    ) -> None:
        self._canary = canary
        self._request_id = request_id
        self._live = live
        self._group = group
        self._error: str | None = None
        self._asked = False
        canary.pin()

    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        if self._serves:
            try:
                return self._canary.candidate.decide(entrypoint, facts)
            except GatewayError as error:
                self._failed(error)
        return await self._live.decide(entrypoint, facts)

    async def list_models(self, facts: ListingFacts) -> frozenset[str]:
        if self._serves:
            try:
                return self._canary.candidate.list_models(facts)
            except GatewayError as error:
                self._failed(error)
        return await self._live.list_models(facts)

    @property
    def _serves(self) -> bool:
        """Return whether to ask the candidate, and note that it was."""
        serves = self._group == "candidate" and self._error is None
        self._asked = self._asked or serves
        return serves

    def _failed(self, error: GatewayError) -> None:
        self._error = error.code
        # At once: a stream may take minutes to its end.
        self._canary.judged(error)
        logger.warning(
            "request %s: the candidate failed, the live policy decides: %s",
            self._request_id,
            error.message,
        )

    def close(self) -> TrialPart | None:
        if self._asked and self._error is None:
            self._canary.judged(None)
        self._canary.unpin()
        return TrialPart(
            candidate=self._canary.record.order.candidate, group=self._group, error=self._error
        )

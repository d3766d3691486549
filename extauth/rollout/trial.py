"""What shadow and canary have in common: a candidate, its health, and an end."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar

from extauth.rollout.pinned import Pinned
from extauth.rollout.record import WHOLE, TrialRecord, save

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.audit import TrialPart
    from extauth.errors import GatewayError
    from extauth.observability.metrics import Metrics
    from extauth.policy import Entrypoint, PolicyEngine
    from extauth.rollout.candidate import Candidate
    from extauth.rollout.record import Mode, TrialOrder
    from extauth.types import Clock, Decision, Facts, ListingFacts, Principal

REMEMBERED = 20
"""A candidate is stopped when it failed on more than half of so many requests, its latest."""

logger = logging.getLogger(__name__)


class TrialEngine(ABC):
    """One request's part in a trial: the engine that it asks from its first question to its end."""

    name = "wasm"

    @abstractmethod
    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """The decision that holds. Raises what the live engine raises."""

    @abstractmethod
    async def list_models(self, facts: ListingFacts) -> frozenset[str]:
        """The list of models that holds. Raises what the live engine raises."""

    @abstractmethod
    def close(self) -> TrialPart | None:
        """The request has ended: what its audit record says of the trial."""


class Trial(Pinned, ABC):
    """A candidate beside the live policies of one snapshot. Belongs to one event loop."""

    mode: ClassVar[Mode]

    def __init__(
        self,
        *,
        order: TrialOrder,
        snapshot: str,
        candidate: Candidate,
        directory: Path,
        metrics: Metrics,
        clock: Clock,
        worker: int,
    ) -> None:
        super().__init__()
        self.record = TrialRecord(self.mode, order, snapshot, clock())
        self.metrics = metrics
        self.candidate = candidate
        self._directory = directory
        self._clock = clock
        self._worker = worker
        self._recent: deque[bool] = deque(maxlen=REMEMBERED)
        self._salt = order.candidate.encode()
        self._written: asyncio.Task[None] | None = None
        self._closed: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether requests that begin now may have a part in it."""
        return self.record.running

    @property
    def failing(self) -> bool:
        """Whether the candidate is not worth asking any more."""
        return sum(self._recent) > REMEMBERED // 2

    async def start(self) -> None:
        """Write down that it runs. Raises OSError."""
        await asyncio.to_thread(save, self._directory, self.record, self._worker)
        self.metrics.trial(self.mode, self.record.order.candidate)
        logger.info("%s of %s starts", self.mode, self.record.order.candidate)

    @abstractmethod
    def join(self, request_id: str, principal: Principal, live: PolicyEngine) -> TrialEngine | None:
        """The request's part, if it has one; it must be closed. None when it has none."""

    @contextmanager
    def apart(
        self, principal: Principal, live: PolicyEngine
    ) -> Iterator[TrialEngine | PolicyEngine]:
        """Yield who answers questions apart from any request that has a part."""
        del principal
        yield live

    def judged(self, error: GatewayError | None) -> None:
        """The candidate decided on a request, or failed on it. Failing too often ends the trial."""
        self._recent.append(error is not None)
        if error is not None:
            self.metrics.trial_error(self.mode, error.code)
        if error is not None and self.running and self.failing:
            self.record.failed = True
            self.end(
                f"the candidate failed on {sum(self._recent)} of its last {len(self._recent)} "
                f"requests: {error.message}"
            )

    def end(self, why: str) -> None:
        """No request that begins now has a part in it. Those that have one keep it."""
        if not self.running:
            return
        self.record.ended, self.record.why = self._clock(), why
        self.metrics.trial(self.mode, None)
        level = logging.ERROR if self.record.failed else logging.INFO
        logger.log(level, "%s of %s ends: %s", self.mode, self.record.order.candidate, why)
        self._written = asyncio.ensure_future(self._write())
        self._closed = asyncio.ensure_future(self._close())

    async def stop(self, why: str) -> None:
        """End it, and wait until what it found out is written down."""
        self.end(why)
        if self._written is not None:
            await self._written

    async def closed(self) -> None:
        """Wait until the last request that has a part in it has ended and the candidate is free."""
        if self._closed is not None:
            await self._closed

    async def _finish(self) -> None:
        """Do what was put off."""

    async def _write(self) -> None:
        await self._finish()
        await self._save()

    async def _close(self) -> None:
        if self._written is not None:
            await self._written
        await self.unused()
        await self.candidate.close()

    async def _save(self) -> None:
        try:
            await asyncio.to_thread(save, self._directory, self.record, self._worker)
        except OSError as error:
            logger.error("the record of the %s can't be written: %s", self.mode, error.strerror)

    def _shares(self, name: str) -> bool:
        """Whether `name` is in the trial's share: uniform, stable, and other for each candidate."""
        digest = blake2b(name.encode(), digest_size=8, salt=self._salt[:16]).digest()
        return int.from_bytes(digest, "big") % WHOLE < self.record.order.share

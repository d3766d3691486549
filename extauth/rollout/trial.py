"""Trials: what shadow and canary share, a candidate, its health and an end."""

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
    from extauth.obligations import Decision
    from extauth.policy import Entrypoint, PolicyEngine
    from extauth.rollout.candidate import Candidate
    from extauth.rollout.metrics import TrialMetrics
    from extauth.rollout.record import Mode, TrialOrder
    from extauth.types import Clock, Facts, ListingFacts, Principal

REMEMBERED = 20
"""The latest requests to look at: a candidate that failed on more than half of them is stopped."""

logger = logging.getLogger(__name__)


class TrialEngine(ABC):
    """Engine of a request in a trial, asked from its first question to its end."""

    name = "wasm"

    @abstractmethod
    async def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """Return the decision to act on. Raises what the live engine raises."""

    @abstractmethod
    async def list_models(self, facts: ListingFacts) -> frozenset[str]:
        """Return the list of models to act on. Raises what the live engine raises."""

    @abstractmethod
    def close(self) -> TrialPart | None:
        """End the request; return what its audit record says of the trial."""


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
        metrics: TrialMetrics,
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
        """True while requests that begin may join."""
        return self.record.running

    @property
    def failing(self) -> bool:
        """True if the candidate failed too often to be asked again."""
        return sum(self._recent) > REMEMBERED // 2

    async def start(self) -> None:
        """Write the record of a running trial. Raises OSError."""
        await asyncio.to_thread(save, self._directory, self.record, self._worker)
        self.metrics.runs(self.mode, self.record.order.candidate)
        logger.info("%s of %s starts", self.mode, self.record.order.candidate)

    @abstractmethod
    def join(self, request_id: str, principal: Principal, live: PolicyEngine) -> TrialEngine | None:
        """Return the engine for a request that joins the trial, to be closed by it, else None."""

    @contextmanager
    def apart(
        self, principal: Principal, live: PolicyEngine
    ) -> Iterator[TrialEngine | PolicyEngine]:
        """Yield the engine for a question outside of a request that has joined."""
        del principal
        yield live

    def judged(self, error: GatewayError | None) -> None:
        """Count a decision, or failure, of the candidate; failing too often ends the trial."""
        self._recent.append(error is not None)
        if error is not None:
            self.metrics.failed(self.mode, error.code)
        if error is not None and self.running and self.failing:
            self.record.failed = True
            self.end(
                f"the candidate failed on {sum(self._recent)} of its last {len(self._recent)} "
                f"requests: {error.message}"
            )

    def end(self, why: str) -> None:
        """End the trial for requests that begin from now on. Those that have joined stay."""
        if not self.running:
            return
        self.record.ended, self.record.why = self._clock(), why
        self.metrics.runs(self.mode, None)
        level = logging.ERROR if self.record.failed else logging.INFO
        logger.log(level, "%s of %s ends: %s", self.mode, self.record.order.candidate, why)
        self._written = asyncio.ensure_future(self._write())
        self._closed = asyncio.ensure_future(self._close())

    async def stop(self, why: str) -> None:
        """End the trial, and wait until its record is written."""
        self.end(why)
        if self._written is not None:
            await self._written

    async def closed(self) -> None:
        """Wait until the last request that joined has ended and the candidate is freed."""
        if self._closed is not None:
            await self._closed

    async def _finish(self) -> None:
        """Finish the work that was put off."""

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
        """Return whether `name` is in the share: uniform, stable, different for each candidate."""
        digest = blake2b(name.encode(), digest_size=8, salt=self._salt[:16]).digest()
        return int.from_bytes(digest, "big") % WHOLE < self.record.order.share

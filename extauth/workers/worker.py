"""The worker: a process with its snapshot, the next one while it is prepared, and a trial."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError, StackError
from extauth.gateway.runtime import Runtime
from extauth.rollout import open_trial
from extauth.rollout.metrics import TrialMetrics
from extauth.snapshot import Snapshot
from extauth.snapshot.history import History
from extauth.workers.state import TrialState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extauth.identity import KeyRing
    from extauth.observability.metrics import Metrics
    from extauth.rollout import Mode, TrialOrder
    from extauth.snapshot.signing import Verifier
    from extauth.storage.state import StateDir
    from extauth.types import Clock

logger = logging.getLogger(__name__)


class Worker:
    """A server of one snapshot at a time; a request keeps its own. Belongs to one event loop."""

    def __init__(
        self,
        state: StateDir,
        keys: KeyRing,
        *,
        number: int,
        opa_url: str | None,
        verifier: Verifier | None,
        metrics: Metrics,
        clock: Clock,
        served: Callable[[Snapshot], Awaitable[None]],
    ) -> None:
        """`number` tells it from its siblings; `served` is called with each snapshot it serves."""
        self._state = state
        self._keys = keys
        self._number = number
        self._opa_url = opa_url
        self._verifier = verifier
        self._clock = clock
        self._served = served
        self._runtime: Runtime | None = None
        # As it was loaded: the stamp on disk is renewed by a later activation.
        self._sequence = 0
        self._prepared: tuple[Runtime, int] | None = None
        self._retiring: dict[asyncio.Task[None], str] = {}
        self._changing = asyncio.Lock()
        self._trials = TrialMetrics(metrics)
        self._shown = metrics.info("sluice_snapshot", "The snapshot served.", "digest", "engine")
        metrics.gauge(
            "sluice_snapshot_sequence",
            "The sequence number of the snapshot served.",
            lambda: self._sequence,
        )
        metrics.total(
            "sluice_snapshot_refused",
            "Snapshots that were refused, in the history that the state directory keeps.",
            History(state.history).refusals,
            shared=True,
        )

    async def start(self, snapshot: Snapshot) -> None:
        """Serve the first snapshot. Raises ConfigurationError."""
        sequence = snapshot.stamp.sequence
        self._runtime, self._sequence = await self._open(snapshot), sequence
        await self._show(self._runtime)
        logger.info("serving snapshot %s", snapshot.digest)

    async def close(self) -> None:
        """End the trial, wait until its record is written, and close the connections."""
        if self._runtime is None:
            return
        trial = self._runtime.trial
        if trial is not None:
            await trial.stop("the service stopped")
            await trial.closed()
        await self._runtime.close()

    def runtime(self) -> Runtime:
        """Return the runtime of requests that begin now. Raises ConfigurationError without any."""
        if self._runtime is None:
            raise ConfigurationError("no snapshot is active")
        return self._runtime

    @property
    def digest(self) -> str:
        """The snapshot of new requests."""
        return self.runtime().snapshot.digest

    @property
    def sequence(self) -> int:
        """Its sequence number; 0 before the first."""
        return self._sequence

    @property
    def retiring(self) -> tuple[str, ...]:
        """The snapshots that only requests under way need."""
        return tuple(self._retiring.values())

    @property
    def trial(self) -> TrialState | None:
        """The trial of the snapshot, whether it still runs or not."""
        trial = self.runtime().trial
        if trial is None:
            return None
        record = trial.record
        return TrialState(trial.mode, record.order, record.why, record.failed)

    async def prepare(self, digest: str, *, rollback: bool) -> None:
        """Load another of the state directory's snapshots, to `commit` it or `abandon` it.

        Raises ConfigurationError when it can't be loaded, is not what was compiled and signed, or
        has a lower sequence number and is not a `rollback`.
        """
        async with self._changing:
            await self._forget()
            if digest == self.digest:
                return
            try:
                self._prepared = await self._acceptable(digest, rollback=rollback)
            except ConfigurationError as error:
                logger.warning("refused snapshot %s: %s", digest, error.message)
                raise

    async def commit(self, digest: str) -> None:
        """Serve the snapshot that was prepared, from the next request on.

        Nothing changes when it is served already. Raises ConfigurationError when it was not
        prepared.
        """
        async with self._changing:
            old, prepared = self.runtime(), self._prepared
            if digest == old.snapshot.digest:
                return
            if prepared is None or prepared[0].snapshot.digest != digest:
                raise ConfigurationError(f"the snapshot {digest} was not prepared")
            (new, self._sequence), self._prepared = prepared, None
            self._runtime = new
            logger.info("serving snapshot %s instead of %s", digest, old.snapshot.digest)
            task = asyncio.ensure_future(old.retire())
            self._retiring[task] = old.snapshot.digest
            task.add_done_callback(self._retiring.pop)
            await self._show(new)

    async def abandon(self) -> None:
        """Forget the snapshot that was prepared, if one was."""
        async with self._changing:
            await self._forget()

    async def bundle(self) -> bytes:
        """Return the policies served now, as an OPA bundle. Raises ConfigurationError."""
        return await asyncio.to_thread(self.runtime().snapshot.published)

    async def start_trial(self, mode: Mode, order: TrialOrder) -> None:
        """Try a candidate on the requests that begin from now on.

        Raises StackError while another trial runs, ConfigurationError when it can't be loaded.
        """
        async with self._changing:
            runtime = self.runtime()
            if (trial := runtime.trial) is not None:
                if trial.running:
                    raise StackError(
                        f"a {trial.mode} of {trial.record.order.candidate} runs already; "
                        f"`sluice {trial.mode} stop` ends it"
                    )
                # Its last words must not be written over those of the next.
                await trial.stop("another one starts")
            runtime.trial = await open_trial(
                mode,
                order,
                runtime.snapshot,
                self._state.trials,
                verifier=self._verifier,
                metrics=self._trials,
                clock=self._clock,
                worker=self._number,
            )

    async def stop_trial(
        self, mode: Mode, why: str = "it was stopped", *, failed: bool = False
    ) -> None:
        """Have every request that begins from now on decided by the live policies alone.

        `failed` tells that the candidate is to blame. Raises StackError when no trial of this mode
        runs.
        """
        async with self._changing:
            trial = self.runtime().trial
            if trial is None or not trial.running or trial.mode is not mode:
                raise StackError(f"no {mode} runs")
            trial.record.failed = failed
            await trial.stop(why)

    async def _acceptable(self, digest: str, *, rollback: bool) -> tuple[Runtime, int]:
        root = self._state.snapshots / Path(digest).name
        snapshot = await asyncio.to_thread(Snapshot.verified, root, self._verifier)
        sequence = snapshot.stamp.sequence
        if sequence < self._sequence and not rollback:
            raise ConfigurationError(
                f"the snapshot {digest} has the sequence number {sequence}, lower than the "
                f"active one's {self._sequence}; `sluice rollback` goes back"
            )
        return await self._open(snapshot), sequence

    async def _open(self, snapshot: Snapshot) -> Runtime:
        return await Runtime.open(snapshot, self._keys, opa_url=self._opa_url)

    async def _forget(self) -> None:
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            await prepared[0].retire()

    async def _show(self, runtime: Runtime) -> None:
        self._shown.values = (runtime.snapshot.digest, runtime.engine.name)
        await self._served(runtime.snapshot)

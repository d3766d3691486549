"""The composition root: nothing else constructs collaborators."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from extauth.admin import Readiness, Served, create_admin
from extauth.asgi import listen_tcp, listen_unix, serving
from extauth.audit import AuditWriter
from extauth.errors import ConfigurationError, StackError
from extauth.history import History
from extauth.identity import KeyStore
from extauth.inference import Inference
from extauth.ledger import EmbeddedLedger
from extauth.metrics import Metrics
from extauth.portal import create_portal
from extauth.privacy import Detector
from extauth.runtime import Runtime
from extauth.snapshot import Snapshot
from extauth.transaction import Books
from extauth.trial import Mode, TrialOrder, open_trial
from extauth.trial.record import end_interrupted
from extauth.wire import WireServer

if TYPE_CHECKING:
    from extauth.signing import Verifier
    from extauth.state import StateDir

GRACE = 10.0
"""Seconds that streams get to end when the service is told to stop."""

SOCKET = Path("run/extauth.sock")
PORTAL_SOCKET = Path("run/portal.sock")
"""Relative to the state directory, which is this process's and Envoy's working directory: the
absolute path may be too long for a unix socket."""

logger = logging.getLogger(__name__)


class Service:
    """The gateway's process. Serves one snapshot at a time; a request keeps its own."""

    def __init__(
        self, state: StateDir, *, opa_url: str | None, verifier: Verifier | None = None
    ) -> None:
        self._state = state
        self._opa_url = opa_url
        self._verifier = verifier
        self._runtime: Runtime | None = None
        self._sequence = 0
        self._retiring: dict[asyncio.Task[None], str] = {}
        self._activating = asyncio.Lock()
        self._metrics = Metrics()
        self._metrics.watch(
            "sluice_ledger_counters", "Counters in memory.", lambda: self._ledger.size
        )
        self._metrics.watch(
            "sluice_ledger_reservations",
            "Reservations neither settled nor released.",
            lambda: self._ledger.open,
        )
        self._metrics.watch(
            "sluice_snapshot_sequence",
            "The sequence number of the snapshot served.",
            lambda: self._sequence,
        )
        self._metrics.watch_total(
            "sluice_snapshot_refused",
            "Snapshots that were refused, in the whole history of the state directory.",
            History(state.history).refusals,
        )

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; then answer what has begun, settle, and write it all."""
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        async with AsyncExitStack() as stack:
            await self._start(stack)
            await stopped.wait()
            logger.info("stopping")

    async def _start(self, stack: AsyncExitStack) -> None:
        snapshot = Snapshot.verified(self._state.active.resolve(), self._verifier)
        settings = snapshot.settings
        self._keys = KeyStore(self._state.identity_db)
        stack.callback(self._keys.close)
        audit = self._audit = AuditWriter(self._state.audit_db, retention=settings.audit.retention)
        await audit.start()
        stack.push_async_callback(audit.close)
        ledger = self._ledger = EmbeddedLedger(self._state.ledger_db, time.time)
        await ledger.start()
        stack.push_async_callback(ledger.close)
        self._runtime = await self._open(snapshot)
        self._sequence = snapshot.stamp.sequence
        self._show(self._runtime)
        stack.push_async_callback(self._end_trial, "the service stopped")
        await asyncio.to_thread(end_interrupted, self._state.trials)
        detector = await asyncio.to_thread(Detector)

        books = Books(ledger=ledger, audit=audit, metrics=self._metrics, clock=time.time)
        wire = WireServer(
            SOCKET,
            runtime=self.runtime,
            books=books,
            inference=Inference(ledger, detector),
            largest_body=max(settings.limits.request_body, settings.limits.response_body),
        )
        portal = create_portal(self.runtime, time.time)
        admin = create_admin(
            self._state.read_admin_token(),
            self.readiness,
            self._metrics,
            self.activate,
            served=self.served,
            bundle=self.bundle,
            start_trial=self.start_trial,
            stop_trial=self.stop_trial,
        )
        await stack.enter_async_context(serving(portal, listen_unix(PORTAL_SOCKET)))
        await wire.start()
        stack.push_async_callback(wire.stop, GRACE)
        await stack.enter_async_context(
            serving(admin, listen_tcp(settings.admin.address, settings.admin.port))
        )
        # What is here now stays: the collector need not look through it at every round.
        gc.collect()
        gc.freeze()
        # A request leaves few objects behind that only the collector can free.
        gc.set_threshold(10_000, 20, 50)
        logger.info("serving snapshot %s", snapshot.digest)

    def runtime(self) -> Runtime:
        """What requests that begin now are decided by."""
        if self._runtime is None:
            raise ConfigurationError("no snapshot is active")
        return self._runtime

    def readiness(self) -> Readiness:
        """What does not work at the moment."""
        failing = {
            "snapshot": self._runtime is None,
            "ledger": self._ledger.failure is not None,
            "audit": self._audit.failure is not None,
        }
        return Readiness(failing=tuple(part for part, fails in failing.items() if fails))

    async def activate(self, digest: str, rollback: bool = False) -> None:
        """Serve another of the state directory's snapshots from the next request on.

        Raises ConfigurationError, and goes on with the old one, when it can't be loaded, is not
        what was compiled and signed, or has a lower sequence number and is no `rollback`.
        """
        async with self._activating:
            try:
                new, sequence = await self._acceptable(digest, rollback=rollback)
            except ConfigurationError as error:
                logger.warning("refused snapshot %s: %s", digest, error.message)
                raise
            old, self._runtime, self._sequence = self.runtime(), new, sequence
            self._show(new)
            logger.info("serving snapshot %s instead of %s", digest, old.snapshot.digest)
            task = asyncio.ensure_future(old.retire())
            self._retiring[task] = old.snapshot.digest
            task.add_done_callback(self._retiring.pop)

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

    def served(self) -> Served:
        """The snapshot for new requests, and those that requests under way began with."""
        return Served(
            self.runtime().snapshot.digest, self._sequence, tuple(self._retiring.values())
        )

    async def bundle(self) -> bytes:
        """The policies served now, as an OPA bundle. Raises ConfigurationError."""
        return await asyncio.to_thread(self.runtime().snapshot.published)

    async def start_trial(self, mode: Mode, order: TrialOrder) -> None:
        """Try a candidate on the requests that begin from now on.

        Raises StackError while another trial runs, ConfigurationError when it can't be loaded.
        """
        async with self._activating:
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
                metrics=self._metrics,
                clock=time.time,
            )

    async def stop_trial(self, mode: Mode) -> None:
        """Have every request that begins from now on decided by the live policies alone.

        Raises StackError when no trial of this mode runs.
        """
        async with self._activating:
            trial = self.runtime().trial
            if trial is None or not trial.running or trial.mode is not mode:
                raise StackError(f"no {mode} runs")
            await trial.stop("it was stopped")

    async def _end_trial(self, why: str) -> None:
        if (trial := self.runtime().trial) is not None:
            await trial.stop(why)
            await trial.closed()

    def _show(self, runtime: Runtime) -> None:
        self._metrics.snapshot(runtime.snapshot.digest, runtime.engine.name)

    async def _open(self, snapshot: Snapshot) -> Runtime:
        return await Runtime.open(snapshot, self._keys, opa_url=self._opa_url)


def serve(state: StateDir, *, opa_url: str | None, verifier: Verifier | None = None) -> None:
    """Run the service of a state directory until it is told to stop.

    `opa_url` is the stack's own OPA server, where the configuration names no other. With a
    `verifier` only snapshots that it accepts are served. Raises
    ConfigurationError or StackError when it can't start.
    """
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    uvloop.run(Service(state, opa_url=opa_url, verifier=verifier).run())

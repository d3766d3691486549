"""The composition root: nothing else constructs collaborators."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import uvloop

from extauth.api.admin import ErasureEndpoint, LimitsEndpoint, UsageEndpoint, create_admin
from extauth.api.portal import create_portal
from extauth.audit import ActionLog, AuditWriter
from extauth.facts.load import LoadMonitor
from extauth.gateway.books import Books
from extauth.gateway.gateway import Gateway
from extauth.identity import KeyRing
from extauth.ledger.ledger import declare as declare_ledger
from extauth.network.server import listen_tcp, listen_unix, serving
from extauth.network.sockets import (
    authorization_socket,
    control_socket,
    portal_socket,
    processor_socket,
)
from extauth.observability.clock import SteadyClock
from extauth.observability.failures import Formatter, keep_quiet
from extauth.observability.metrics import Metrics
from extauth.rollout.record import end_interrupted
from extauth.snapshot import Snapshot
from extauth.stores import open_stores
from extauth.types.pseudonyms import Pseudonyms
from extauth.usage import LineSource, UsageBooks
from extauth.wire import WireServer
from extauth.workers import Leader, Sibling, Worker, create_control
from extauth.workers.state import WorkerState
from extauth.workers.timekeeper import Timekeeper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.settings import Settings
    from extauth.snapshot.signing import Verifier
    from extauth.storage.state import StateDir

POLL = 0.05
"""Seconds after which the first in line tries again, where other processes share the ledger."""

GRACE = 10.0
"""Seconds that streams get to end when the service is told to stop."""

logger = logging.getLogger(__name__)


class Service:
    """A process of the gateway: worker `number`. Worker 0 has the admin endpoint."""

    def __init__(
        self,
        state: StateDir,
        *,
        opa_url: str | None,
        verifier: Verifier | None = None,
        number: int = 0,
    ) -> None:
        self._state = state
        self._opa_url = opa_url
        self._verifier = verifier
        self._number = number
        self._metrics = Metrics()
        self._clock = SteadyClock()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then finish and settle the requests that have begun."""
        keep_quiet(asyncio.get_running_loop())
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
        stores = stack.enter_context(open_stores(self._state, settings))
        keys = self._keys = KeyRing(await asyncio.to_thread(stores.keys))
        await keys.start()
        stack.push_async_callback(keys.close)
        audit = AuditWriter(
            stores.audit(synchronous="NORMAL"),
            retention=settings.audit.retention,
            clock=self._clock,
        )
        ledger = stores.ledger(self._clock)
        load = LoadMonitor(lambda: self._worker.runtime().snapshot.settings.backends)
        books = self._books = Books(
            ledger=ledger,
            audit=audit,
            load=load,
            metrics=self._metrics,
            clock=self._clock,
            # Other processes free what only Redis knows of.
            poll=POLL if settings.ledger.kind == "redis" else 1.0,
        )
        # The last to end: nobody's books wait for a receiver that does not answer.
        stack.push_async_callback(books.events.close)
        await audit.start()
        stack.push_async_callback(audit.close)
        stack.push_async_callback(books.strangers.close)
        await ledger.start()
        stack.push_async_callback(ledger.close)
        declare_ledger(ledger, self._metrics)
        worker = self._worker = Worker(
            self._state,
            keys,
            number=self._number,
            opa_url=self._opa_url,
            verifier=self._verifier,
            metrics=self._metrics,
            clock=self._clock,
            served=self._adopt,
        )
        stack.push_async_callback(worker.close)
        await worker.start(snapshot)
        await asyncio.to_thread(end_interrupted, self._state.trials, self._number)
        keeper = Timekeeper(
            self._clock, ledger, books.events, self._metrics, tells=self._number == 0
        )
        stack.callback(asyncio.ensure_future(keeper.keep()).cancel)

        await load.start()
        stack.push_async_callback(load.close)
        gateway = Gateway(runtime=worker.runtime, books=books, hash_key=self._state.read_hash_key())
        wire = WireServer(
            gateway,
            processor=processor_socket(self._number, settings.workers),
            authorization=authorization_socket(self._number, settings.workers),
            largest_body=max(settings.limits.request_body, settings.limits.response_body),
        )
        source = LineSource(settings.ledger, self._state.ledger_db)
        self._usage = UsageBooks(source, self._state.active, self._clock)
        portal = create_portal(worker.runtime, self._clock, self._usage, ledger)
        listener = listen_unix(portal_socket(self._number, settings.workers))
        await stack.enter_async_context(serving(portal, listener))
        await wire.start()
        stack.push_async_callback(wire.stop, GRACE)
        token = self._state.read_admin_token()
        if settings.workers > 1:
            control = create_control(token, worker, self._tell, self._metrics, self._forget)
            listener = listen_unix(control_socket(self._number))
            await stack.enter_async_context(serving(control, listener))
        if self._number == 0:
            await self._lead(stack, settings, token, ActionLog(stores.audit()))
        # What is here now stays: the collector need not look through it at every round.
        gc.collect()
        gc.freeze()
        # A request leaves few objects behind that only the collector can free.
        gc.set_threshold(10_000, 20, 50)

    def _tell(self) -> WorkerState:
        """Return the snapshot that this process serves, and its parts that do not work."""
        failing = {
            "identity": self._keys.failure is not None,
            "ledger": self._books.ledger.failure is not None,
            "audit": self._books.audit.failure is not None,
        }
        return WorkerState(
            digest=self._worker.digest,
            sequence=self._worker.sequence,
            retiring=self._worker.retiring,
            failing=tuple(part for part, fails in failing.items() if fails),
            trial=self._worker.trial,
        )

    async def _adopt(self, snapshot: Snapshot) -> None:
        """Follow the settings of the snapshot that is served from now on."""
        await self._books.events.serve(snapshot.settings.events.webhooks)

    async def _forget(self, names: Mapping[str, str]) -> None:
        """Forget old names, and write the audit records that are still in memory."""
        self._books.behaviour.forget(names)
        self._books.events.rename(Pseudonyms(names))
        await self._books.audit.flush()

    async def _lead(
        self, stack: AsyncExitStack, settings: Settings, token: str, actions: ActionLog
    ) -> None:
        """Serve the admin endpoint, for the siblings too."""
        siblings = [
            Sibling(number, control_socket(number), token) for number in range(1, settings.workers)
        ]
        for sibling in siblings:
            stack.push_async_callback(sibling.close)
        leader = Leader(self._worker, siblings, self._tell, self._metrics, self._forget)
        if siblings:
            stack.callback(asyncio.ensure_future(leader.keep_alike()).cancel)
        ledger = self._books.ledger
        await stack.enter_async_context(
            serving(
                create_admin(
                    token,
                    leader,
                    LimitsEndpoint(ledger, actions, self._clock),
                    UsageEndpoint(self._usage),
                    ErasureEndpoint(ledger, leader.forget, self._clock),
                ),
                listen_tcp(settings.admin.address, settings.admin.port),
            )
        )


def serve(
    state: StateDir, *, opa_url: str | None, verifier: Verifier | None = None, worker: int = 0
) -> None:
    """Run a process of the service of a state directory until it is told to stop.

    `opa_url` is the stack's own OPA server, where the configuration names no other. With a
    `verifier` only snapshots that it accepts are served. `worker` tells which of the
    configuration's workers it is. Raises ConfigurationError or StackError when it can't start.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    uvloop.run(Service(state, opa_url=opa_url, verifier=verifier, number=worker).run())

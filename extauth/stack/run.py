"""A stack from its configuration to a ready endpoint, kept running until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from extauth.compiler.envoy_file import ACCESS_LOG
from extauth.errors import StackError
from extauth.stack.activation.active import active_digest
from extauth.stack.plan import prepare
from extauth.stack.process.envoy import AccessLog, envoy_admin
from extauth.stack.process.locks import exclusive
from extauth.stack.process.supervisor import Supervisor
from extauth.stack.sources.following import Following

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extauth.stack.activation.compilation import StackOptions
    from extauth.stack.demo import Credential
    from extauth.stack.plan import StackPlan
    from extauth.stack.process.record import StackRecord
    from extauth.stack.progress import Progress

    Announce = Callable[[StackRecord, tuple[Credential, ...]], None]

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(options: StackOptions, progress: Progress, announce: Announce) -> None:
    """Start a stack, announce it, and wait until a signal has stopped it and nothing is left.

    The first signal stops it in order, a second one kills. Belongs to the main thread. Raises
    ConfigurationError for what an operator's file says, StackError for everything else that
    keeps the stack from starting, a signal among them.
    """
    options.state.create()
    with exclusive(options.state):
        with _interruptible():
            plan = prepare(options, progress)
        asyncio.run(_Run(options, plan, progress).run(announce))


class _Run:
    """A run of a stack in one event loop."""

    def __init__(self, options: StackOptions, plan: StackPlan, progress: Progress) -> None:
        self._state = options.state
        self._plan = plan
        self._record = plan.record
        self._following = Following(options, plan.configuration, progress)
        logs = plan.configuration.settings.logs
        self._supervisor = Supervisor(self._state.path, logs, progress, self._save)
        self._access_log = AccessLog(self._state.path / ACCESS_LOG, envoy_admin(self._state), logs)

    async def run(self, announce: Announce) -> None:
        stopping = self._catch_signals()
        starting = asyncio.create_task(self._start())
        try:
            stopped = asyncio.create_task(stopping.wait())
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                raise StackError("stopped before it was ready")
            await starting
            announce(self._record, self._plan.keys)
            tasks = {
                asyncio.create_task(self._following.run()),
                asyncio.create_task(self._access_log.keep()),
            }
            await stopped
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        finally:
            starting.cancel()
            await asyncio.wait({starting})
            await self._supervisor.stop()

    async def _start(self) -> None:
        self._save()
        for together in self._plan.commands:
            await self._supervisor.start(*together)
        self._record = msgspec.structs.replace(self._record, phase="ready")
        self._save()

    def _save(self) -> None:
        self._record = msgspec.structs.replace(
            self._record,
            digest=active_digest(self._state) or self._record.digest,
            processes=self._supervisor.processes,
        )
        self._record.save(self._state)

    def _catch_signals(self) -> asyncio.Event:
        stopping = asyncio.Event()

        def caught() -> None:
            if stopping.is_set():
                self._supervisor.kill()
            stopping.set()

        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, caught)
        return stopping


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let every stop signal interrupt the body, before an event loop catches them."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in STOP_SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        raise StackError("stopped before it was ready") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""The leader: worker 0 passes orders on to its siblings, if any, and answers for all of them.

A new snapshot is first loaded by every worker and only then served by any, so that one that can't
be loaded somewhere is served nowhere, and the workers differ for the length of a message. What
still comes to differ, since a process died in between, is made alike again within a second: what
worker 0 serves and tries is what counts.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from extauth.api.admin import Readiness, Served
from extauth.errors import SluiceError, StackError
from extauth.workers.merging import Merged, families

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from prometheus_client.registry import Collector

    from extauth.observability.metrics import Metrics
    from extauth.rollout import Mode, TrialOrder
    from extauth.workers.merging import MetricFamily
    from extauth.workers.sibling import Sibling
    from extauth.workers.state import TrialState, WorkerState
    from extauth.workers.worker import Worker

T = TypeVar("T")

LOOK_SECONDS = 1.0
LONGEST_REASON = 500

logger = logging.getLogger(__name__)


class Leader:
    """`Operations` on all workers. Belongs to one event loop."""

    def __init__(
        self,
        worker: Worker,
        siblings: Sequence[Sibling],
        state: Callable[[], WorkerState],
        metrics: Metrics,
        forget: Callable[[Mapping[str, str]], Awaitable[None]],
    ) -> None:
        """`worker`, `state` and `metrics` are this process's own; `forget` has it forget names."""
        self._forget = forget
        self._worker = worker
        self._siblings = siblings
        self._state = state
        self._metrics = metrics
        self._ordering = asyncio.Lock()

    async def readiness(self) -> Readiness:
        """Return the parts that do not work at the moment.

        Of several workers with the worker: `worker-1 ledger`, or `worker-1` that does not answer.
        """
        if not self._siblings:
            return Readiness(self._state().failing)
        told = await self._each(lambda sibling: sibling.state())
        failing = [f"worker-0 {part}" for part in self._state().failing]
        for sibling, state in zip(self._siblings, told, strict=True):
            if isinstance(state, SluiceError):
                failing.append(f"worker-{sibling.number}")
            else:
                failing += [f"worker-{sibling.number} {part}" for part in state.failing]
        return Readiness(tuple(failing))

    async def metrics(self) -> Collector:
        """Return the metrics of all workers together."""
        if not self._siblings:
            return self._metrics
        told = await self._each(lambda sibling: sibling.families())
        counted: dict[int, tuple[MetricFamily, ...] | None] = {0: families(self._metrics)}
        for sibling, one in zip(self._siblings, told, strict=True):
            counted[sibling.number] = None if isinstance(one, SluiceError) else one
        return Merged(counted)

    async def activate(self, digest: str, rollback: bool = False) -> None:
        """Have every worker serve another snapshot. See `Operations`."""
        async with self._ordering:
            try:
                own = self._worker.prepare(digest, rollback=rollback)
                siblings = self._each(lambda one: one.prepare(digest, rollback=rollback))
                failed, others = await asyncio.gather(_tried(own), siblings)
                _raise([failed, *others])
                _raise(await self._each(lambda one: one.commit(digest)))
            except SluiceError:
                await self._worker.abandon()
                await self._each(lambda one: one.abandon())
                # Those that serve the new one already go back.
                await self._align()
                raise
            await self._worker.commit(digest)

    async def served(self) -> Served:
        """Return the snapshot of new requests, and every other one that some worker still needs."""
        told = await self._each(lambda sibling: sibling.state())
        _raise(told)
        own = self._state()
        others = [state for state in told if not isinstance(state, SluiceError)]
        used = [*own.retiring]
        for state in others:
            used += [state.digest, *state.retiring]
        retiring = tuple(one for one in dict.fromkeys(used) if one != own.digest)
        return Served(own.digest, own.sequence, retiring)

    async def bundle(self) -> bytes:
        """Return the policies served now, as an OPA bundle. Raises ConfigurationError."""
        return await self._worker.bundle()

    async def start_trial(self, mode: Mode, order: TrialOrder) -> None:
        """Try a candidate in every worker, or in none. See `Operations`."""
        async with self._ordering:
            await self._worker.start_trial(mode, order)
            try:
                _raise(await self._each(lambda one: one.start_trial(mode, order)))
            except SluiceError:
                await self._end_trial(mode, "a worker could not start it")
                raise

    async def stop_trial(self, mode: Mode) -> None:
        """End the trial in every worker. See `Operations`."""
        async with self._ordering:
            await self._worker.stop_trial(mode)
            # One that has none any more has nothing to end.
            await self._each(lambda one: one.stop_trial(mode))

    async def forget(self, names: Mapping[str, str]) -> None:
        """Have every worker forget old names, and write down what the audit log was told.

        Raises SluiceError when one does not.
        """
        own, others = await asyncio.gather(
            _tried(self._forget(names)), self._each(lambda one: one.forget(names))
        )
        _raise([own, *others])

    async def keep_alike(self) -> None:
        """Align workers that differ, every second, until cancelled."""
        while True:
            async with self._ordering:
                await self._align()
            await asyncio.sleep(LOOK_SECONDS)

    async def _align(self) -> None:
        await self._each(self._align_with)

    async def _align_with(self, sibling: Sibling) -> None:
        """Have it serve and try what this worker does. One that is down starts with `active`."""
        state = await sibling.state()
        own = self._state()
        if state.digest != own.digest:
            logger.warning("worker %d serves another snapshot", sibling.number)
            await sibling.prepare(own.digest, rollback=True)
            await sibling.commit(own.digest)
            state = await sibling.state()
        ours, theirs = own.trial, state.trial
        if ours is None or not ours.running:
            if theirs is not None and theirs.running:
                why = "the service was restarted" if ours is None else ours.why
                await sibling.stop_trial(theirs.mode, str(why)[:LONGEST_REASON])
        elif theirs is None or not _same(ours, theirs):
            if theirs is not None and theirs.running:
                await sibling.stop_trial(theirs.mode, "another one runs")
            # It was restarted: those that it decides for stay on their side.
            await sibling.start_trial(ours.mode, ours.order)
        elif theirs.failed:
            await self._worker.stop_trial(
                ours.mode, f"worker {sibling.number}: {theirs.why}", failed=True
            )

    async def _end_trial(self, mode: Mode, why: str) -> None:
        with suppress(StackError):
            await self._worker.stop_trial(mode, why)
        await self._each(lambda one: one.stop_trial(mode, why))

    async def _each(self, ask: Callable[[Sibling], Awaitable[T]]) -> list[T | SluiceError]:
        """Ask all siblings at once, and return the answer or the error of each."""
        return await asyncio.gather(*(_tried(ask(sibling)) for sibling in self._siblings))


def _same(ours: TrialState, theirs: TrialState) -> bool:
    """Return whether both are one trial, running there or stopped for its candidate's failures."""
    return (ours.mode, ours.order) == (theirs.mode, theirs.order) and (
        theirs.running or theirs.failed
    )


async def _tried(asking: Awaitable[T]) -> T | SluiceError:
    try:
        return await asking
    except SluiceError as error:
        return error


def _raise(answers: Sequence[object]) -> None:
    for answer in answers:
        if isinstance(answer, SluiceError):
            raise answer

"""The supervisor of a stack's processes: in order, again when they die, stopped in reverse."""

from __future__ import annotations

import asyncio
import time
from itertools import chain
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.stack.process.child import Child
from extauth.stack.process.logs import LogFile
from extauth.stack.process.record import ProcessRecord
from extauth.stack.progress import step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from extauth.settings import LogSettings
    from extauth.stack.process.child import Command
    from extauth.stack.progress import Progress

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
# A process that lived this long has recovered, and its next death counts as its first.
RECOVERED_SECONDS = 60.0


def delay(deaths: int) -> float:
    """Return the seconds to wait before the next start after `deaths` deaths in a row."""
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(deaths - 1, 16)))


class Supervisor:
    """The children of one stack. All methods belong to one event loop.

    Each has a log file in `directory/logs`. `changed` is called whenever a child has a new process.
    """

    def __init__(
        self,
        directory: Path,
        logs: LogSettings,
        progress: Progress,
        changed: Callable[[], None],
    ) -> None:
        self._directory = directory
        self._logs = logs
        self._progress = progress
        self._changed = changed
        self._groups: list[list[Child]] = []
        self._restarts: dict[str, int] = {}
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def processes(self) -> dict[str, ProcessRecord]:
        """The processes that run now, in the order of their starts."""
        return {
            child.command.name: ProcessRecord(
                pid, child.started, self._restarts.get(child.command.name, 0)
            )
            for child in self._children()
            if (pid := child.pid) is not None
        }

    async def start(self, *commands: Command) -> None:
        """Start processes side by side, wait until they are ready, and keep them running.

        Raises StackError when one of them does not become ready.
        """
        group = [self._child(command) for command in commands]
        # Known before they are spawned: a stop in between must find them.
        self._groups.append(group)
        with step(self._progress, f"starting {_names(group)}"):
            for child in group:
                await child.spawn()
            self._changed()
            waiting = [asyncio.create_task(child.wait_ready()) for child in group]
            try:
                await asyncio.gather(*waiting)
            finally:
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
        self._keepers += [asyncio.create_task(self._keep(child)) for child in group]

    async def stop(self) -> None:
        """Stop everything in the reverse order, and wait until nothing is left."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for group in reversed(self._groups):
            running = [child for child in group if child.pid is not None]
            if running:
                with step(self._progress, f"stopping {_names(running)}"):
                    await asyncio.gather(*(child.stop() for child in running))

    def kill(self) -> None:
        """Kill everything at once."""
        for child in self._children():
            child.kill()

    def _children(self) -> Iterator[Child]:
        return chain.from_iterable(self._groups)

    def _child(self, command: Command) -> Child:
        log = LogFile(self._directory / "logs" / f"{command.name}.log", self._logs)
        log.begin()
        return Child(command, self._directory, log)

    async def _keep(self, child: Child) -> None:
        deaths = 0
        name = child.command.name
        while True:
            await child.wait()
            lived = time.time() - child.started
            deaths = 1 if lived > RECOVERED_SECONDS else deaths + 1
            pause = delay(deaths)
            self._progress.note(f"{name} {child.status}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            try:
                await child.spawn()
            except StackError as error:
                self._progress.note(error.message)
                continue
            self._restarts[name] = self._restarts.get(name, 0) + 1
            self._changed()


def _names(group: Sequence[Child]) -> str:
    first, last = group[0].command.name, group[-1].command.name
    return first if first == last else f"{first} to {last}"

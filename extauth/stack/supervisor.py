"""Starting children in order, starting them again when they die, stopping them in reverse."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.stack.child import Child
from extauth.stack.progress import step
from extauth.stack.record import ProcessRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.stack.child import Command
    from extauth.stack.progress import Progress

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
# A process that lived this long has recovered, and its next death counts as its first.
RECOVERED_SECONDS = 60.0


def delay(deaths: int) -> float:
    """Seconds to wait before a process that died `deaths` times in a row is started again."""
    return float(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(deaths - 1, 16)))


class Supervisor:
    """The children of one stack. All methods belong to one event loop.

    `changed` is called whenever a child's process is a new one.
    """

    def __init__(
        self,
        directory: Path,
        logs: Path,
        progress: Progress,
        changed: Callable[[], None],
    ) -> None:
        self._directory = directory
        self._logs = logs
        self._progress = progress
        self._changed = changed
        self._children: list[Child] = []
        self._restarts: dict[str, int] = {}
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def processes(self) -> dict[str, ProcessRecord]:
        """What runs now, in the order in which it was started."""
        return {
            child.command.name: ProcessRecord(
                pid, child.started, self._restarts.get(child.command.name, 0)
            )
            for child in self._children
            if (pid := child.pid) is not None
        }

    async def start(self, command: Command) -> None:
        """Start a process, wait until it is ready, and keep it running from then on.

        Raises StackError when it does not become ready.
        """
        log = self._logs / f"{command.name}.log"
        if log.exists():
            log.replace(log.with_name(f"{log.name}.1"))
        child = Child(command, self._directory, log)
        # Known before it is spawned: a stop in between must find it.
        self._children.append(child)
        with step(self._progress, f"starting {command.name}"):
            await child.spawn()
            self._changed()
            await child.wait_ready()
        self._keepers.append(asyncio.create_task(self._keep(child)))

    async def stop(self) -> None:
        """Stop everything in the reverse order. Returns when nothing is left."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for child in reversed(self._children):
            if child.pid is not None:
                with step(self._progress, f"stopping {child.command.name}"):
                    await child.stop()

    def kill(self) -> None:
        """Kill everything at once."""
        for child in self._children:
            child.kill()

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

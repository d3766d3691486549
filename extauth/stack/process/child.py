"""A child process with a process group and a log file of its own, which dies with its parent."""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.rego.environment import environment
from extauth.stack.process import shared_memory
from extauth.stack.process.logs import LogPipe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from extauth.stack.process.logs import LogFile

LAST_LINES = 5
_LAST_WORDS_SECONDS = 1.0
POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1  # prctl(2)
NO_CORE = 1
"""Bytes of a core file: too few for one, and the limit that stops a handler of Linux as well.

A core would hold the texts of requests (fs/coredump.c; 0 would not stop a handler).
"""
_libc = ctypes.CDLL(None, use_errno=True)


async def _nothing() -> None:
    """Drain nothing."""


@dataclass(frozen=True, slots=True)
class Command:
    """The command line of a process, and the way to tell that it works.

    `environment` is beside what every program inherits, and the further names or beginnings of
    names in `inherits`: see `rego.environment`. `ready` answers whether the process does its work
    now; it never raises. A start may take `within` seconds, a stop `grace`. `drain` lets it finish
    its work before it is told to stop, and has its own deadline. `shared_memory` is the prefix of
    its files there.
    """

    name: str
    arguments: Sequence[str]
    ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    inherits: Sequence[str] = ()
    within: float = 60.0
    grace: float = 10.0
    drain: Callable[[], Awaitable[None]] = _nothing
    shared_memory: str | None = None


class Child:
    """A process that runs a command. Not safe for use by more than one task at a time."""

    def __init__(self, command: Command, directory: Path, log: LogFile) -> None:
        self.command = command
        self.started = 0.0
        self._directory = directory
        self._log = log
        self._pipe: LogPipe | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None unless it runs."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    @property
    def status(self) -> str:
        """The end that it came to, in words."""
        code = self._process.returncode if self._process else None
        if code is None:
            return "runs"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"

    async def spawn(self) -> None:
        """Start the process; it is not ready yet. Raises StackError when it can't be started."""
        parent = os.getpid()
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        core = (NO_CORE if most else 0, most)

        def die_with_parent() -> None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)  # the parent died before the line above
            resource.setrlimit(resource.RLIMIT_CORE, core)

        self._tidy()
        self._pipe, log = await LogPipe.open(self._log)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.command.arguments,
                cwd=self._directory,
                env=environment(self.command.environment, self.command.inherits),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                preexec_fn=die_with_parent,
                umask=0o077,
            )
        except OSError as error:
            raise StackError(
                f"cannot start {self.command.name} ({self.command.arguments[0]}): {error.strerror}"
            ) from None
        finally:
            os.close(log)
        self.started = time.time()

    async def wait_ready(self) -> None:
        """Wait until the process is ready.

        Raises StackError with the end of its log when it dies first or takes too long.
        """
        deadline = time.monotonic() + self.command.within
        while not await self.command.ready():
            if self.pid is None:
                raise await self._failure(self.status)
            if time.monotonic() > deadline:
                raise await self._failure(f"was not ready within {self.command.within:g} s")
            await asyncio.sleep(POLL_SECONDS)
        # Another process may answer on its port while it is dying of just that.
        if self.pid is None:
            raise await self._failure(self.status)
        if self.command.shared_memory is not None:
            shared_memory.close(self.command.shared_memory)

    async def wait(self) -> None:
        """Wait until the process has ended, and leave nothing of its group."""
        if self._process:
            await self._process.wait()
            _kill_group(self._process.pid, signal.SIGKILL)
            await self._written()
            self._tidy()

    async def stop(self) -> None:
        """Drain the process, tell it to stop, and kill its group if it does not stop in time."""
        if self.pid is not None:
            await self.command.drain()
        if self._process and self.pid is not None:
            _kill(self._process.pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(self.command.grace):
                    await self._process.wait()
            except TimeoutError:
                self.kill()
        await self.wait()

    def kill(self) -> None:
        """Kill the process and its group at once."""
        if self._process and self.pid is not None:
            _kill_group(self._process.pid, signal.SIGKILL)

    def _tidy(self) -> None:
        """Leave no texts in shared memory: a supervisor that was killed could not remove them."""
        if self.command.shared_memory is not None:
            shared_memory.remove(self.command.shared_memory)

    async def _written(self) -> None:
        """Wait until the log has all that was written, unless somebody else holds the pipe."""
        if self._pipe is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._pipe.ended.wait(), _LAST_WORDS_SECONDS)

    async def _failure(self, what: str) -> StackError:
        """Return an error with the end of the log; what is not text is replaced."""
        if self.pid is None:
            await self._written()
        try:
            with self._log.path.open(errors="replace") as log:
                lines = [line.rstrip() for line in deque(log, LAST_LINES) if line.strip()]
        except OSError:
            lines = []
        words = "".join(f"\n  {line}" for line in lines)
        return StackError(f"{self.command.name} {what}{words}\n  (see {self._log.path})")


def _kill(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _kill_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def python(*arguments: str) -> list[str]:
    """Return a command line for this Python that ignores the directory that it is run in."""
    return [sys.executable, "-P", *arguments]

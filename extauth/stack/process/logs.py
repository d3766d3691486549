"""Log files of bounded size, some for each process, and nothing lost between them."""

from __future__ import annotations

import asyncio
import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import StackError

if TYPE_CHECKING:
    from extauth.settings import LogSettings

_PIPE = 1 << 20
"""Bytes that a process may write before it waits for this one to read them."""


def turn(path: Path, files: int) -> None:
    """Let a new file begin at `path`: the others move on by one, and of `files` none is left over.

    The newest of the old ones is `path` with `.1` behind it.
    """
    for number in range(files - 1, 0, -1):
        newer = _older(path, number - 1)
        if newer.exists():
            newer.replace(_older(path, number))
    path.unlink(missing_ok=True)


def _older(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


class LogFile:
    """A log file that gives way to a new one where it would grow too large, between two lines.

    Where the disk refuses, what is written is dropped, and the log says how much once it can.
    Belongs to one event loop, which a write blocks no longer than a copy to the page cache takes.
    """

    def __init__(self, path: Path, settings: LogSettings) -> None:
        self.path = path
        self._settings = settings
        self._lost = 0
        self._within = False  # a line

    def begin(self) -> None:
        """Begin with an empty file. Raises StackError when there can't be one."""
        self._within = False
        try:
            turn(self.path, self._settings.files)
            os.close(self._open())
        except OSError as error:
            raise StackError(f"cannot write {self.path}: {error.strerror}") from None

    def write(self, data: bytes) -> None:
        """Append; never raises."""
        try:
            while data:
                size = self.path.stat().st_size if self.path.exists() else 0
                cut = self._fitting(data, size)
                self._append(data[:cut])
                data = data[cut:]
                if data:
                    turn(self.path, self._settings.files)
        except OSError:
            self._lost += len(data)

    def _fitting(self, data: bytes, size: int) -> int:
        """Return how much of `data` goes into the file, which has `size` bytes."""
        room = self._settings.size - size
        if len(data) <= room:
            return len(data)
        if lines := data.rfind(b"\n", 0, max(room, 0)) + 1:
            return lines
        if size and not self._within:
            return 0
        # The rest of a line, unless it is longer than a whole file.
        line = data.find(b"\n") + 1
        return line if 0 < line <= room + self._settings.size else max(room, 1)

    def _append(self, data: bytes) -> None:
        if not data:
            return
        descriptor = self._open()
        try:
            if self._lost:
                os.write(descriptor, b"[%d bytes could not be written here]\n" % self._lost)
                self._lost = 0
            while data:
                written = os.write(descriptor, data)
                self._within = data[written - 1 : written] != b"\n"
                data = data[written:]
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(self.path, flags, 0o600)


class LogPipe(asyncio.Protocol):
    """The end of a pipe whose other end a process writes its log to."""

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self.ended = asyncio.Event()
        """Set once nobody writes any more, and all is in the file."""

    @classmethod
    async def open(cls, file: LogFile) -> tuple[LogPipe, int]:
        """Return the pipe, and the descriptor to write to, which is the caller's to close."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        with suppress(OSError):
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE)
        pipe = cls(file)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: pipe, os.fdopen(reading, "rb", buffering=0)
        )
        return pipe, writing

    def data_received(self, data: bytes) -> None:
        """Write what came."""
        self._file.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        """Note the end."""
        self.ended.set()

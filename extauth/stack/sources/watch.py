"""The watch over an operator's files: changed, and no longer being written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Prints = Mapping[Path, tuple[int, int, int]]

LOOK_SECONDS = 0.2
QUIET_SECONDS = 0.5


class Watched:
    """A configuration and the policy directory that it names. Belongs to one task.

    Polls, which works on every file system, mounted volumes among them: a look at a hundred files
    takes a millisecond. Hidden files are left out: they are those of editors and git.
    """

    def __init__(self, config: Path, policies: Path) -> None:
        self._config = config
        self._policies = policies
        self._seen = self._look()

    async def changed(self) -> None:
        """Wait until something has changed since the last return, and half a second of quiet."""
        now, pause = self._seen, LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            before, now = now, self._look()
            if now != self._seen:
                pause = QUIET_SECONDS
                if now == before:
                    break
        if now.get(self._config) != self._seen.get(self._config):
            self._read_config()
            now = self._look()
        self._seen = now

    def _read_config(self) -> None:
        try:
            self._policies = read_configuration(self._config, Overrides()).policies
        except ConfigurationError:
            return  # an apply tells what is wrong

    def _look(self) -> Prints:
        prints: dict[Path, tuple[int, int, int]] = {}
        found = self._policies.rglob("*")
        for file in (self._config, *(path for path in found if not _hidden(path, self._policies))):
            try:
                status = file.stat()
            except OSError:
                continue
            if file.is_file():
                prints[file] = (status.st_mtime_ns, status.st_size, status.st_ino)
        return prints


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)

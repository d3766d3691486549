"""A mark in the state directory by which the processes of a node tell each other of changed keys.

It is eight random bytes in a file that all of them map into memory: changing it is one write, and
looking at it costs no call into the kernel. A look that meets a write sees other bytes than before
in any case, and that is all that counts.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

from extauth.errors import StackError

if TYPE_CHECKING:
    from pathlib import Path

_SIZE = 8


class Mark:
    """The mark of one state directory. Safe for any thread and process."""

    def __init__(self, path: Path) -> None:
        """Map the file, and make it where there is none. Raises StackError."""
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(descriptor, _SIZE)
                self._map = mmap.mmap(descriptor, _SIZE)
            finally:
                os.close(descriptor)
        except (OSError, ValueError) as error:
            raise StackError(f"{path}: can't be used: {error}") from None

    def read(self) -> bytes:
        """Return it as it is now."""
        return self._map[:]

    def change(self) -> None:
        """Make it another one than any before."""
        self._map[:] = os.urandom(_SIZE)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

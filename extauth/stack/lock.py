"""One supervisor a state directory, held by flock: the kernel lets go when the process ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.storage.state import StateDir


@contextmanager
def exclusive(state: StateDir) -> Iterator[None]:
    """Hold the state directory's lock. Raises StackError with the holder's pid if it is taken."""
    descriptor = os.open(state.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise StackError(
                f"a stack is already running on {state.path} (pid {holder}); "
                "stop it with `sluice down`, or choose another --state-dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)

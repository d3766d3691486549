"""Locks of a state directory, held by flock: the kernel lets go when the process ends."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.storage.state import StateDir

PATIENCE = 60.0
POLL_SECONDS = 0.05


@contextmanager
def exclusive(state: StateDir) -> Iterator[None]:
    """Hold the lock of the only supervisor. Raises StackError with the pid of its holder."""
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


@contextmanager
def switching(state: StateDir, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of changes to what is active, for which others wait.

    Raises StackError when another change takes longer than `patience` seconds.
    """
    state.create()
    descriptor = os.open(state.switch_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StackError(
                        f"another change of {state.path} is under way; try again"
                    ) from None
                time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)

"""The cache of engines that were built or downloaded once, for every stack of a user."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator


def cache() -> Path:
    """Return SLUICE_CACHE, else `sluice` in the user's cache directory."""
    named = os.environ.get("SLUICE_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice"


@contextmanager
def one_at_a_time(directory: Path) -> Iterator[None]:
    """Lock a directory of the cache, so that two stacks do not fetch the same thing.

    Makes the directory. Raises StackError when it can't be used.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StackError(f"cannot use cache {directory}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

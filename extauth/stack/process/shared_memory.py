"""Shared memory of a process: readable by its owner alone, and removed with the process.

Triton's Python backend passes texts to models through files in /dev/shm that everybody may read,
and that stay there when it is killed (boost::interprocess sets their mode itself).
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.storage.state import StateDir

DIRECTORY = Path("/dev/shm")  # noqa: S108 - shm_open(3) puts them there


def prefix(state: StateDir) -> str:
    """Return the prefix of the names that every start of a state directory's stack uses."""
    return f"sluice_{sha256(str(state.path).encode()).hexdigest()[:16]}"


def close(prefix: str) -> None:
    """Make the files readable by their owner alone."""
    for file in _files(prefix):
        with suppress(OSError):
            file.chmod(0o600)


def remove(prefix: str) -> None:
    """Remove the files that an ended process left."""
    for file in _files(prefix):
        with suppress(OSError):
            file.unlink()


def _files(prefix: str) -> Iterator[Path]:
    yield from DIRECTORY.glob(f"{prefix}*")

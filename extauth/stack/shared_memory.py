"""What a process keeps in shared memory: its owner's alone, and gone when the process is.

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
    """How the names begin that the stack of a state directory uses, after each of its starts."""
    return f"sluice_{sha256(str(state.path).encode()).hexdigest()[:16]}"


def close(prefix: str) -> None:
    """Let nobody but the owner read what is there."""
    for file in _files(prefix):
        with suppress(OSError):
            file.chmod(0o600)


def remove(prefix: str) -> None:
    """Remove what a process that has ended left."""
    for file in _files(prefix):
        with suppress(OSError):
            file.unlink()


def _files(prefix: str) -> Iterator[Path]:
    yield from DIRECTORY.glob(f"{prefix}*")

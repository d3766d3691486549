"""The files of an embedded ledger: whose they are, and that none is lost.

The SQLite file, its journal and its lock lie side by side.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.ledger.journal import has_files, journal_of

if TYPE_CHECKING:
    from pathlib import Path


def own(path: Path) -> int:
    """Lock the ledger at `path` for this process; return the descriptor that holds the lock.

    Raises StackError when another process has it.
    """
    lock = path.with_suffix(".lock")
    try:
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StackError(f"{lock}: can't be opened: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StackError(
            f"{path}: another process keeps this ledger; stop it, or use another state directory"
        ) from None
    return descriptor


def require(path: Path) -> None:
    """Raise StackError for a file that is lost: the journal is made after it, and goes with it."""
    journal = journal_of(path)
    if (path.exists() and path.stat().st_size) or not has_files(journal):
        return
    raise StackError(
        f"{path} is {'empty' if path.exists() else 'missing'}, and {journal} still has its "
        "journal: put the file back with its -wal, from a backup say; or, to begin anew without "
        f"anything that was used, move {journal} away"
    )

"""Which compiled snapshots stay on disk."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from extauth.snapshot.snapshot import DIGEST_LENGTH
from extauth.stack.activation import active_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from extauth.snapshot.history import Entry
    from extauth.storage.state import StateDir

KEPT = 20
_DIGEST = re.compile(f"[0-9a-f]{{{DIGEST_LENGTH}}}")


def prune(state: StateDir, entries: Sequence[Entry], used: Collection[str]) -> tuple[str, ...]:
    """Remove snapshots that are neither among the last `KEPT` entries, nor active, nor `used`.

    Returns what was removed. What can't be removed stays.
    """
    keep = {entry.digest for entry in entries[-KEPT:]} | {active_digest(state), *used}
    gone = []
    for root in sorted(state.snapshots.iterdir()):
        if _DIGEST.fullmatch(root.name) and root.name not in keep:
            shutil.rmtree(root, ignore_errors=True)
            gone.append(root.name)
    return tuple(gone)

"""Which snapshots stay on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.snapshot.history import HistoryEntry
from extauth.stack.activation.active import KEPT, point, prune
from extauth.storage.state import StateDir

if TYPE_CHECKING:
    from pathlib import Path


def test_old_ones_go_but_none_that_is_needed(tmp_path: Path) -> None:
    state = StateDir.at(tmp_path)
    state.create()
    digests = [f"{number:032x}" for number in range(KEPT + 5)]
    for digest in (*digests, ".new-abc"):
        (state.snapshots / digest).mkdir()
    entries = [HistoryEntry(n, 0.0, "apply", digest=digest) for n, digest in enumerate(digests, 1)]
    point(state, digests[0])
    assert prune(state, entries, {digests[1]}) == tuple(digests[2:5])
    left = {path.name for path in state.snapshots.iterdir()}
    assert left == {*digests[:2], *digests[5:], ".new-abc"}

"""The files that the running Envoy watches: replaced, read, put back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from extauth.compiler.envoy_file import union
from extauth.errors import StackError
from extauth.stack.activation import handover
from extauth.stack.activation.active import CLUSTERS, LISTENERS, active_digest, place
from extauth.stack.process.envoy import envoy_admin, stats

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from extauth.snapshot import Snapshot
    from extauth.stack.process.record import StackRecord
    from extauth.storage.state import StateDir

WITHIN_SECONDS = 10.0
POLL_SECONDS = 0.02
UPDATES = "^(cluster_manager.cds|listener_manager.lds)\\.update_(attempt|rejected)$"


def together(state: StateDir, old: Snapshot, new: Snapshot, used: Iterable[str]) -> bytes:
    """Return the clusters of the new snapshot, with those that requests of others still need."""
    roots = [old.root, *(state.snapshots / digest for digest in used)]
    files = [root / "envoy" / CLUSTERS for root in dict.fromkeys(roots) if root != new.root]
    wanted = (new.root / "envoy" / CLUSTERS).read_bytes()
    contents = {file.read_bytes() for file in files if file.exists()} - {wanted}
    return union(wanted, *sorted(contents)) if contents else wanted


def give(name: str, content: bytes, state: StateDir, undo: ExitStack | None = None) -> None:
    """Replace a file and wait until Envoy has read it; does nothing if it is the same.

    Raises StackError if Envoy refuses it or does not read it in time.
    """
    target = state.xds / name
    present = target.read_bytes() if target.exists() else b""
    if present == content:
        return
    kind = {CLUSTERS: "cluster_manager.cds", LISTENERS: "listener_manager.lds"}[name]
    attempts, rejected = f"{kind}.update_attempt", f"{kind}.update_rejected"
    admin = envoy_admin(state)
    before = stats(admin, UPDATES)
    if undo is not None:
        undo.callback(place, present, target)
    place(content, target)
    deadline = time.monotonic() + WITHIN_SECONDS
    while (now := stats(admin, UPDATES))[attempts] == before[attempts]:
        if time.monotonic() > deadline:
            raise StackError(f"Envoy did not read {name} within {WITHIN_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
    if now[rejected] > before[rejected]:
        raise StackError(f"Envoy refused {name}; see {state.logs / 'envoy.log'}")


def forget(state: StateDir, record: StackRecord) -> bool:
    """Take from Envoy the clusters that no request needs any more; False if some still do.

    The caller holds `switching`. Raises StackError when Envoy or the service does not answer.
    """
    digest = active_digest(state)
    if digest is None or handover.used(record, state) - {digest}:
        return False
    give(CLUSTERS, (state.snapshots / digest / "envoy" / CLUSTERS).read_bytes(), state)
    return True


def has_more(state: StateDir) -> bool:
    """Return whether Envoy has clusters that the active snapshot does not."""
    active = state.active / "envoy" / CLUSTERS
    try:
        return active.read_bytes() != (state.xds / CLUSTERS).read_bytes()
    except OSError:
        return False

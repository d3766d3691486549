"""What the running Envoy watches: replaced, read, or put back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from extauth.compiler.proxy.union import union
from extauth.errors import StackError
from extauth.stack import service_order
from extauth.stack.activation import CLUSTERS, LISTENERS, active_digest, place_content
from extauth.stack.readiness import ENVOY_ADMIN
from extauth.stack.request import UnreachableError, request

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from extauth.snapshot import Snapshot
    from extauth.stack.record import StackRecord
    from extauth.storage.state import StateDir

WITHIN_SECONDS = 10.0
POLL_SECONDS = 0.02
UPDATES = "/stats?filter=^(cluster_manager.cds|listener_manager.lds)\\.update_(attempt|rejected)$"


def together(state: StateDir, old: Snapshot, new: Snapshot, used: Iterable[str]) -> bytes:
    """The clusters of the new snapshot, and those that requests of others can still need."""
    roots = [old.root, *(state.snapshots / digest for digest in used)]
    files = [root / "envoy" / CLUSTERS for root in dict.fromkeys(roots) if root != new.root]
    wanted = (new.root / "envoy" / CLUSTERS).read_bytes()
    contents = {file.read_bytes() for file in files if file.exists()} - {wanted}
    return union(wanted, *sorted(contents)) if contents else wanted


def give(name: str, content: bytes, state: StateDir, undo: ExitStack | None = None) -> None:
    """Replace one of Envoy's files and wait until it was read; nothing to do if it is the same.

    Raises StackError if Envoy refuses it or does not read it in time.
    """
    target = state.xds / name
    present = target.read_bytes() if target.exists() else b""
    if present == content:
        return
    kind = {CLUSTERS: "cluster_manager.cds", LISTENERS: "listener_manager.lds"}[name]
    before = _updates(state)
    if undo is not None:
        undo.callback(place_content, present, target)
    place_content(content, target)
    deadline = time.monotonic() + WITHIN_SECONDS
    while (now := _updates(state))[f"{kind}.update_attempt"] == before[f"{kind}.update_attempt"]:
        if time.monotonic() > deadline:
            raise StackError(f"Envoy did not read {name} within {WITHIN_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
    if now[f"{kind}.update_rejected"] > before[f"{kind}.update_rejected"]:
        raise StackError(f"Envoy refused {name}; see {state.logs / 'envoy.log'}")


def forget(state: StateDir, record: StackRecord) -> bool:
    """Take from Envoy the clusters that no request can need any more; False if some still can.

    The caller holds `switching`. Raises StackError when Envoy or the service does not answer.
    """
    digest = active_digest(state)
    if digest is None or service_order.used(record, state) - {digest}:
        return False
    give(CLUSTERS, (state.snapshots / digest / "envoy" / CLUSTERS).read_bytes(), state)
    return True


def has_more(state: StateDir) -> bool:
    """Whether Envoy has clusters that the active snapshot does not."""
    active = state.active / "envoy" / CLUSTERS
    try:
        return active.read_bytes() != (state.xds / CLUSTERS).read_bytes()
    except OSError:
        return False


def _updates(state: StateDir) -> dict[str, int]:
    try:
        text = request(state.run / ENVOY_ADMIN, UPDATES).body.decode()
    except UnreachableError as error:
        raise StackError(f"Envoy does not answer: {error}") from None
    lines = (line.rsplit(": ", 1) for line in text.splitlines() if ": " in line)
    return {name: int(value) for name, value in lines}

"""The active snapshot of a state directory, and the former ones that stay on disk."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.errors import StackError
from extauth.snapshot import Snapshot
from extauth.snapshot.snapshot import DIGEST_LENGTH

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from extauth.settings import Settings
    from extauth.snapshot.history import HistoryEntry
    from extauth.storage.state import StateDir

CLUSTERS = "cds.yaml"
LISTENERS = "lds.yaml"

KEPT = 20
"""Entries of the history whose snapshots stay on disk."""

_DIGEST = re.compile(f"[0-9a-f]{{{DIGEST_LENGTH}}}")


def place_credentials(snapshot: Snapshot, state: StateDir) -> None:
    """Tell Envoy where the credentials of a snapshot's clusters are. Comes before the clusters.

    Their names come from their content, so a file that is there already is the same. Raises
    StackError.
    """
    for source in sorted((snapshot.root / "envoy").glob("credential-*.yaml")):
        if not (state.xds / source.name).exists():
            place(source.read_bytes(), state.xds / source.name)


def activate(snapshot: Snapshot, state: StateDir) -> None:
    """Make `snapshot` the one that processes started from now on use. Raises StackError."""
    place_credentials(snapshot, state)
    for name in (CLUSTERS, LISTENERS):
        source = snapshot.root / "envoy" / name
        try:
            content = source.read_bytes()
        except OSError as error:
            raise StackError(f"cannot read {source}: {error.strerror}") from None
        place(content, state.xds / name)
    place_bundle(snapshot, state)
    point(state, snapshot.digest)


def place(content: bytes, target: Path) -> None:
    """Replace the content of `target` in one step: Envoy and OPA watch for moves.

    Raises StackError when the file system refuses.
    """
    # A hidden name in another directory: a watcher of this one must not see it being written.
    temporary = target.parent.parent / f".{target.name}.{os.getpid()}"
    try:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(target)
    except OSError as error:
        raise StackError(f"cannot write {target}: {error.strerror}") from None


def place_bundle(snapshot: Snapshot, state: StateDir) -> None:
    """Give the stack's own OPA server the policies of the snapshot, if it runs one."""
    place(snapshot.published(), state.opa / "bundle.tar.gz")


def point(state: StateDir, digest: str) -> None:
    """Make `active` the snapshot `digest`, in one step. Raises StackError."""
    temporary = state.path / f".active.{os.getpid()}"
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(f"{state.snapshots.name}/{digest}")
        temporary.replace(state.active)
    except OSError as error:
        raise StackError(f"cannot write {state.active}: {error.strerror}") from None


def active_digest(state: StateDir) -> str | None:
    """Return the digest of the active snapshot, None before the first start."""
    try:
        return state.active.readlink().name
    except OSError:
        return None


def active_settings(state: StateDir) -> Settings:
    """Return the settings of the active snapshot. Raises StackError when there is none."""
    if not state.active.exists():
        raise StackError(f"{state.active}: no configuration is active here; `sluice up` makes one")
    return Snapshot.load(state.active.resolve()).settings


def active_catalog(state: StateDir) -> Mapping[str, Any] | None:
    """Return the models of the active snapshot as its policies see them, None without any."""
    try:
        data = msgspec.json.decode((state.active / "policy" / "data.json").read_bytes())
        models: Mapping[str, Any] = data["catalog"]["models"]
    except (OSError, msgspec.MsgspecError, LookupError, TypeError):
        return None
    return models


def prune(
    state: StateDir, entries: Sequence[HistoryEntry], used: Collection[str]
) -> tuple[str, ...]:
    """Remove snapshots that are neither among the last `KEPT` entries, nor active, nor `used`.

    Returns the digests of those that are removed. What can't be removed stays.
    """
    keep = {entry.digest for entry in entries[-KEPT:]} | {active_digest(state), *used}
    gone = []
    for root in sorted(state.snapshots.iterdir()):
        if _DIGEST.fullmatch(root.name) and root.name not in keep:
            shutil.rmtree(root, ignore_errors=True)
            gone.append(root.name)
    return tuple(gone)

"""Putting a snapshot where the running processes look for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from extauth.errors import StackError

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.snapshot import Snapshot
    from extauth.storage.state import StateDir

CLUSTERS = "cds.yaml"
LISTENERS = "lds.yaml"


def activate(snapshot: Snapshot, state: StateDir) -> None:
    """Make `snapshot` the one that processes started from now on will use."""
    place_credentials(snapshot, state)
    place(snapshot.root / "envoy" / CLUSTERS, state.xds / CLUSTERS)
    place(snapshot.root / "envoy" / LISTENERS, state.xds / LISTENERS)
    place_bundle(snapshot, state)
    point(state, snapshot.digest)


def place_credentials(snapshot: Snapshot, state: StateDir) -> None:
    """Tell Envoy where the credentials of a snapshot's clusters are, before the clusters."""
    for source in sorted((snapshot.root / "envoy").glob("credential-*.yaml")):
        if not (state.xds / source.name).exists():
            place(source, state.xds / source.name)


def place(source: Path, target: Path) -> None:
    """Replace `target` by a copy of `source` in one step: Envoy and OPA watch for moves.

    Raises StackError when the file system refuses.
    """
    try:
        content = source.read_bytes()
    except OSError as error:
        raise StackError(f"cannot read {source}: {error.strerror}") from None
    place_content(content, target)


def place_content(content: bytes, target: Path) -> None:
    """Like `place`, of what is no file."""
    # A hidden name in another directory: a watcher of this one must not see it being written.
    temporary = target.parent.parent / f".{target.name}.{os.getpid()}"
    try:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(target)
    except OSError as error:
        raise StackError(f"cannot write {target}: {error.strerror}") from None


def place_bundle(snapshot: Snapshot, state: StateDir) -> None:
    """Give the stack's own OPA server the snapshot's policies, if it runs one."""
    place_content(snapshot.published(), state.opa / "bundle.tar.gz")


def point(state: StateDir, digest: str) -> None:
    """Make `active` the snapshot `digest`, in one step."""
    temporary = state.path / f".active.{os.getpid()}"
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(f"{state.snapshots.name}/{digest}")
        temporary.replace(state.active)
    except OSError as error:
        raise StackError(f"cannot write {state.active}: {error.strerror}") from None


def active_digest(state: StateDir) -> str | None:
    """The digest of the snapshot in use, None before the first start."""
    try:
        return state.active.readlink().name
    except OSError:
        return None

"""A new snapshot for a running stack: everything takes it, or everything keeps the old one."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError, StackError
from extauth.snapshot import Snapshot
from extauth.stack import commands
from extauth.stack.activation import (
    CLUSTERS,
    LISTENERS,
    active_digest,
    place,
    place_bundle,
    point,
)
from extauth.stack.compilation import compile_for
from extauth.stack.engines.envoy import find_envoy
from extauth.stack.engines.opa import find_opa
from extauth.stack.ports import LOOPBACK
from extauth.stack.progress import step
from extauth.stack.readiness import ENVOY_ADMIN, address
from extauth.stack.record import StackRecord
from extauth.stack.request import UnreachableError, request
from extauth.stack.wish import Wish

if TYPE_CHECKING:
    from extauth.stack.progress import Progress
    from extauth.state import StateDir

WITHIN_SECONDS = 10.0
POLL_SECONDS = 0.05
UPDATES = "/stats?filter=^(cluster_manager.cds|listener_manager.lds)\\.update_(attempt|rejected)$"


def apply(state: StateDir, progress: Progress) -> tuple[str, bool]:
    """Compile the running stack's configuration again and activate it.

    Returns the digest in use and whether it is a new one. Raises ConfigurationError with file and
    line, or StackError; the snapshot that was in use then still is.
    """
    record = StackRecord.running(state)
    if record is None or record.phase != "ready":
        raise StackError(f"no stack is ready on {state.path}; `sluice up` starts one")
    wish = Wish(
        config=Path(record.config),
        state=state,
        port=record.overrides.get("port"),
        admin_port=record.overrides.get("admin_port"),
    )
    with step(progress, f"compiling {wish.config.name}"):
        new, _ = compile_for(wish, record.ports, envoy=find_envoy(), opa=find_opa())
    digest = active_digest(state)
    if digest is None or digest == new.digest:
        return new.digest, False
    old = Snapshot.load(state.snapshots / digest)
    _require_same_processes(old, new)
    with step(progress, f"activating {new.digest[:12]}"), ExitStack() as undo:
        _switch(old, new, record, state, undo)
        undo.pop_all()
    msgspec.structs.replace(record, digest=new.digest).save(state)
    return new.digest, True


def _switch(
    old: Snapshot, new: Snapshot, record: StackRecord, state: StateDir, undo: ExitStack
) -> None:
    """Clusters first, so that no decision names one that Envoy lacks; the listener last."""
    _give_envoy(CLUSTERS, old, new, state, undo)
    if commands.OPA in record.processes:
        undo.callback(place_bundle, old, state)
        place_bundle(new, state)
        _await_bundle(new.revision, record)
    undo.callback(_give_service, old.digest, record, state)
    _give_service(new.digest, record, state)
    _give_envoy(LISTENERS, old, new, state, undo)
    point(state, new.digest)


def _require_same_processes(old: Snapshot, new: Snapshot) -> None:
    for what, changed in (
        ("the listener's port", old.settings.listener != new.settings.listener),
        ("the admin endpoint", old.settings.admin != new.settings.admin),
        ("the policy engine", old.settings.policy.engine != new.settings.policy.engine),
        ("the embedded models", _models(old) != _models(new)),
    ):
        if changed:
            raise ConfigurationError(
                f"{what} changed, which needs a restart: `sluice down`, then `sluice up`"
            )


def _models(snapshot: Snapshot) -> dict[str, bytes]:
    files = (snapshot.root / "triton").glob("*/config.pbtxt")
    return {file.parent.name: file.read_bytes() for file in files} | {
        f"{name}/versions": ",".join(model.versions).encode()
        for name, model in snapshot.settings.models.items()
    }


def _give_envoy(name: str, old: Snapshot, new: Snapshot, state: StateDir, undo: ExitStack) -> None:
    """Replace one of Envoy's files and wait until it was read. Raises StackError if refused."""
    kind = {CLUSTERS: "cluster_manager.cds", LISTENERS: "listener_manager.lds"}[name]
    before = _updates(state)
    undo.callback(place, old.root / "envoy" / name, state.xds / name)
    place(new.root / "envoy" / name, state.xds / name)
    deadline = time.monotonic() + WITHIN_SECONDS
    while (now := _updates(state))[f"{kind}.update_attempt"] == before[f"{kind}.update_attempt"]:
        if time.monotonic() > deadline:
            raise StackError(f"Envoy did not read {name} within {WITHIN_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
    if now[f"{kind}.update_rejected"] > before[f"{kind}.update_rejected"]:
        raise StackError(f"Envoy refused {name}; see {state.logs / 'envoy.log'}")


def _updates(state: StateDir) -> dict[str, int]:
    try:
        text = request(state.run / ENVOY_ADMIN, UPDATES).body.decode()
    except UnreachableError as error:
        raise StackError(f"Envoy does not answer: {error}") from None
    lines = (line.rsplit(": ", 1) for line in text.splitlines() if ": " in line)
    return {name: int(value) for name, value in lines}


def _await_bundle(revision: str, record: StackRecord) -> None:
    """Wait until the OPA server's answers come from the bundle of this revision."""
    deadline = time.monotonic() + WITHIN_SECONDS
    where = (LOOPBACK, record.ports["opa"])
    while True:
        try:
            answer = json.loads(request(where, "/v1/data/system?provenance=true").body)
        except (UnreachableError, ValueError) as error:
            raise StackError(f"OPA does not answer: {error}") from None
        bundles = answer.get("provenance", {}).get("bundles", {}).values()
        if any(one.get("revision") == revision for one in bundles):
            return
        if time.monotonic() > deadline:
            raise StackError(f"OPA did not load {revision[:12]} within {WITHIN_SECONDS:g} s")
        time.sleep(POLL_SECONDS)


def _give_service(digest: str, record: StackRecord, state: StateDir) -> None:
    try:
        answer = request(
            address(record.admin),
            "/snapshot",
            method="POST",
            headers={
                "authorization": f"Bearer {state.read_admin_token()}",
                "content-type": "application/json",
            },
            body=json.dumps({"digest": digest}).encode(),
            timeout=WITHIN_SECONDS,
        )
    except UnreachableError as error:
        raise StackError(f"the service does not answer: {error}") from None
    if answer.status != 200:
        raise StackError(f"the service kept its snapshot: {answer.body.decode().strip()}")

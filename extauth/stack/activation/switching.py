"""The switch to another snapshot, by everything that runs or by nothing."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError, SluiceError, StackError
from extauth.snapshot import Snapshot, Stamp
from extauth.snapshot.history import History, HistoryEntry
from extauth.stack.activation import envoy_files, handover
from extauth.stack.activation.active import (
    CLUSTERS,
    LISTENERS,
    activate,
    active_digest,
    place_bundle,
    place_credentials,
    point,
    prune,
)
from extauth.stack.process import commands
from extauth.stack.process.record import StackRecord
from extauth.stack.progress import step

if TYPE_CHECKING:
    from extauth.snapshot.history import How
    from extauth.snapshot.signing import Signer
    from extauth.stack.progress import Progress
    from extauth.storage.state import StateDir


class Activation(msgspec.Struct, frozen=True):
    """The snapshot that is active now, its sequence number, and whether it was not before."""

    digest: str
    changed: bool
    sequence: int


def refuse(state: StateDir, how: How, reason: SluiceError, new: Snapshot | None = None) -> None:
    """Enter a refusal into the history. The same refusal twice in a row is one entry."""
    history = History(state.history)
    entries = history.entries()
    last = entries[-1] if entries else None
    if last and last.result == "refused" and (last.how, last.reason) == (how, reason.message):
        return
    history.append(
        HistoryEntry(
            sequence=last.sequence + 1 if last else 1,
            time=time.time(),
            how=how,
            digest=new.digest if new else None,
            previous=active_digest(state),
            result="refused",
            reason=reason.message,
        )
    )


def switch(
    new: Snapshot,
    how: How,
    state: StateDir,
    progress: Progress,
    *,
    signer: Signer | None = None,
) -> Activation:
    """Activate `new` in the running stack under the next number; the caller holds `switching`.

    Raises SluiceError, after everything went back to the snapshot that was active before.
    """
    record = StackRecord.ready(state)
    history = History(state.history)
    digest = active_digest(state)
    if digest is None:
        raise StackError(f"nothing is active on {state.path}; `sluice up` starts it")
    if digest == new.digest:
        return Activation(digest, changed=False, sequence=new.stamp.sequence)
    sequence = history.next
    old = Snapshot.load(state.snapshots / digest)
    try:
        _require_same_processes(old, new)
        with step(progress, f"activating {new.digest[:12]}"), ExitStack() as undo:
            undo.callback(new.restamped, _stamp(new))
            new.stamped(sequence, signer)
            _switch(old, new, record, state, undo)
            undo.pop_all()
    except SluiceError as error:
        refuse(state, how, error, new)
        raise
    history.append(
        HistoryEntry(
            sequence=sequence,
            time=time.time(),
            how=how,
            digest=new.digest,
            revision=new.revision,
            previous=digest,
        )
    )
    msgspec.structs.replace(record, digest=new.digest).save(state)
    prune(state, history.entries(), handover.used(record, state))
    return Activation(new.digest, changed=True, sequence=sequence)


def start(snapshot: Snapshot, state: StateDir, signer: Signer | None) -> None:
    """Make `snapshot` what the processes that start next will use; the caller holds `switching`.

    Raises ConfigurationError, StackError.
    """
    history = History(state.history)
    entries = history.entries()
    sequence = entries[-1].sequence + 1 if entries else 1
    snapshot.stamped(sequence, signer)
    previous = active_digest(state)
    activate(snapshot, state)
    history.append(
        HistoryEntry(
            sequence=sequence,
            time=time.time(),
            how="start",
            digest=snapshot.digest,
            revision=snapshot.revision,
            previous=previous,
        )
    )
    prune(state, history.entries(), ())


def _switch(
    old: Snapshot,
    new: Snapshot,
    record: StackRecord,
    state: StateDir,
    undo: ExitStack,
) -> None:
    """Give Envoy new clusters first, as decisions name them, and the listener last.

    Old clusters stay as long as requests of old snapshots do: `envoy_files.forget` takes them.
    """
    clusters = envoy_files.together(state, old, new, handover.used(record, state))
    place_credentials(new, state)
    envoy_files.give(CLUSTERS, clusters, state, undo)
    if commands.OPA in record.processes:
        undo.callback(_give_back, old, record, state)
        place_bundle(new, state)
        handover.await_bundle(new.revision, record)
    undo.callback(handover.serve, old.digest, record, state, rollback=True)
    handover.serve(new.digest, record, state, rollback=False)
    listener = (new.root / "envoy" / LISTENERS).read_bytes()
    envoy_files.give(LISTENERS, listener, state, undo)
    undo.callback(point, state, old.digest)
    point(state, new.digest)
    # A service that was restarted in between began with the old one.
    handover.serve(new.digest, record, state, rollback=False)


def _give_back(old: Snapshot, record: StackRecord, state: StateDir) -> None:
    """Have the OPA server answer by `old` again, unless it does not answer at all."""
    place_bundle(old, state)
    with suppress(StackError):
        handover.await_bundle(old.revision, record)


def _stamp(snapshot: Snapshot) -> Stamp:
    """Return the stamp of a snapshot, an empty one if it can't be read."""
    try:
        return snapshot.stamp
    except ConfigurationError:
        return Stamp()


def _require_same_processes(old: Snapshot, new: Snapshot) -> None:
    before, after = old.settings, new.settings
    for what, changed in (
        ("the listener's port", before.listener != after.listener),
        ("the admin endpoint", before.admin != after.admin),
        ("the policy engine", before.policy.engine != after.policy.engine),
        ("policy.watch", before.policy.watch != after.policy.watch),
        ("policy.pull", before.policy.pull != after.policy.pull),
        ("policy.signing", before.policy.signing != after.policy.signing),
        ("the ledger", before.ledger != after.ledger),
        ("identity.store", before.identity.store != after.identity.store),
        ("audit.store", before.audit.store != after.audit.store),
        ("logs", before.logs != after.logs),
        ("the number of workers", before.workers != after.workers),
        ("the embedded models", _models(old) != _models(new)),
    ):
        if changed:
            raise ConfigurationError(
                f"{what} changed, which needs a restart: `sluice down`, then `sluice up`"
            )


def _models(snapshot: Snapshot) -> dict[str, bytes]:
    """Return what the embedded server was started with; other servers have their models already."""
    settings = snapshot.settings
    files = (snapshot.root / "triton").glob("*/config.pbtxt")
    return {file.parent.name: file.read_bytes() for file in files} | {
        f"{name}/versions": ",".join(model.versions).encode()
        for name, model in settings.served.items()
        if settings.backends[model.backend].url is None
    }

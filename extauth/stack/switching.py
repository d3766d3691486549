"""Everything that runs takes another snapshot, or everything keeps the one it has."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError, SluiceError, StackError
from extauth.snapshot import Snapshot, Stamp
from extauth.snapshot.history import Entry, History
from extauth.stack import commands, envoy_files, service_order
from extauth.stack.activation import (
    CLUSTERS,
    LISTENERS,
    activate,
    active_digest,
    place_bundle,
    place_credentials,
    point,
)
from extauth.stack.opa_bundle import await_bundle
from extauth.stack.progress import step
from extauth.stack.record import StackRecord
from extauth.stack.retention import prune

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.snapshot.history import How
    from extauth.snapshot.signing import Signer
    from extauth.stack.progress import Progress
    from extauth.storage.state import StateDir

PATIENCE = 60.0
POLL_SECONDS = 0.05


class Activation(msgspec.Struct, frozen=True):
    """What is active now: `changed` if it was not before, under which `sequence` number."""

    digest: str
    changed: bool
    sequence: int


@contextmanager
def switching(state: StateDir, patience: float = PATIENCE) -> Iterator[None]:
    """Be the only one that changes what is active. Raises StackError if somebody else is at it."""
    state.create()
    descriptor = os.open(state.switch_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StackError(
                        f"another change of {state.path} is under way; try again"
                    ) from None
                time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def ready_record(state: StateDir) -> StackRecord:
    """The record of the stack that runs. Raises StackError when none is ready."""
    record = StackRecord.running(state)
    if record is None or record.phase != "ready":
        raise StackError(f"no stack is ready on {state.path}; `sluice up` starts one")
    return record


def refuse(state: StateDir, how: How, reason: SluiceError, new: Snapshot | None = None) -> None:
    """Remember that a snapshot was refused. The same refusal twice in a row is one."""
    history = History(state.history)
    entries = history.entries()
    last = entries[-1] if entries else None
    if last and last.result == "refused" and (last.how, last.reason) == (how, reason.message):
        return
    history.append(
        Entry(
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
    record = ready_record(state)
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
        Entry(
            sequence=sequence,
            time=time.time(),
            how=how,
            digest=new.digest,
            revision=new.revision,
            previous=digest,
        )
    )
    msgspec.structs.replace(record, digest=new.digest).save(state)
    prune(state, history.entries(), service_order.used(record, state))
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
        Entry(
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
    """New clusters first, so that no decision names one that Envoy lacks; the listener after.

    Old clusters stay as long as requests of old snapshots do: `envoy_files.forget` takes them.
    """
    clusters = envoy_files.together(state, old, new, service_order.used(record, state))
    place_credentials(new, state)
    envoy_files.give(CLUSTERS, clusters, state, undo)
    if commands.OPA in record.processes:
        undo.callback(_give_back, old, record, state)
        place_bundle(new, state)
        await_bundle(new.revision, record)
    undo.callback(service_order.give, old.digest, record, state, rollback=True)
    service_order.give(new.digest, record, state, rollback=False)
    listener = (new.root / "envoy" / LISTENERS).read_bytes()
    envoy_files.give(LISTENERS, listener, state, undo)
    undo.callback(point, state, old.digest)
    point(state, new.digest)
    # One that was restarted since then started with the old one.
    service_order.give(new.digest, record, state, rollback=False)


def _give_back(old: Snapshot, record: StackRecord, state: StateDir) -> None:
    """Have the OPA server answer by `old` again, where it answers at all."""
    place_bundle(old, state)
    with suppress(StackError):
        await_bundle(old.revision, record)


def _stamp(snapshot: Snapshot) -> Stamp:
    """The one that it has; one that can't be read is as good as none."""
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
        ("the number of workers", before.workers != after.workers),
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
        for name, model in snapshot.settings.served.items()
    }

"""The way back to a snapshot that was active before and is still on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError, StackError
from extauth.rego.fault import OpaRefused
from extauth.rego.opa import Opa
from extauth.snapshot import Snapshot
from extauth.snapshot.history import History
from extauth.stack.activation.active import active_digest
from extauth.stack.activation.compilation import signer_of, verifier_of
from extauth.stack.activation.switching import refuse, switch
from extauth.stack.engines.opa import find_opa
from extauth.stack.process import commands
from extauth.stack.process.locks import switching
from extauth.stack.process.record import StackRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.snapshot.history import HistoryEntry
    from extauth.snapshot.signing import Signer, Verifier
    from extauth.stack.activation.switching import Activation
    from extauth.stack.process.record import SigningRecord
    from extauth.stack.progress import Progress
    from extauth.storage.state import StateDir


def rollback(state: StateDir, progress: Progress, wanted: str | None = None) -> Activation:
    """Activate the snapshot `wanted`, or the one that was active before this one.

    It gets the next number, as in an `apply`, so that those who pull from here follow; the
    configuration need not compile any more. Raises ConfigurationError when its files are not
    those that were compiled and, where keys are configured, signed; StackError when it is not on
    disk.
    """
    with switching(state):
        entries = History(state.history).entries()
        digest = find(wanted, entries, state) if wanted else _before(entries, state)
        verifier, signer = _keys(StackRecord.ready(state).signing)
        former = Snapshot.load(state.snapshots / digest)
        # Only what was signed is signed anew: whoever can write files may have no key.
        try:
            Snapshot.verified(former.root, verifier)
            _require_closed(former)
        except ConfigurationError as error:
            refuse(state, "rollback", error, former)
            raise
        return switch(former, "rollback", state, progress, signer=signer)


def find(wanted: str, entries: Sequence[HistoryEntry], state: StateDir) -> str:
    """Return the digest for a sequence number or the beginning of a digest. Raises StackError."""
    if wanted.isdigit():
        for entry in entries:
            if entry.sequence == int(wanted):
                if entry.digest is None:
                    raise StackError(f"{wanted} was refused before it was compiled: {entry.reason}")
                return _on_disk(entry.digest, state)
    found = [root.name for root in state.snapshots.glob("*") if root.name.startswith(wanted)]
    if len(found) == 1 and not wanted.startswith("."):
        return found[0]
    if found:
        raise StackError(f"{wanted} is the beginning of {len(found)} digests; write more of it")
    raise StackError(f"there is no snapshot {wanted}; `sluice history` lists them")


def _keys(signing: SigningRecord | None) -> tuple[Verifier | None, Signer | None]:
    if signing is None:
        return None, None
    opa = find_opa()
    return verifier_of(signing, opa), signer_of(signing, opa)


def _require_closed(former: Snapshot) -> None:
    """Raise ConfigurationError for policies that an OPA server must not serve.

    It takes no capabilities: what it serves is checked where it is compiled, and an earlier
    release compiled this.
    """
    if commands.own_opa(former.settings):
        bundle = former.root / "policy" / "bundle.tar.gz"
        faults = Opa(find_opa().path).check([bundle], strict=False, bundles=True)
        if faults:
            raise OpaRefused(faults)


def _before(entries: Sequence[HistoryEntry], state: StateDir) -> str:
    active = active_digest(state)
    for entry in reversed(entries):
        came = entry.result == "activated" and entry.digest == active
        if came and entry.previous is not None and entry.previous != active:
            return _on_disk(entry.previous, state)
    raise StackError("no other snapshot was active before this one; `sluice history` lists them")


def _on_disk(digest: str, state: StateDir) -> str:
    if not (state.snapshots / digest).is_dir():
        raise StackError(f"the snapshot {digest} is no longer on disk; apply its sources again")
    return digest

"""Trials of candidate policies on a running stack: started, stopped, reported."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.findings import Check, Diagnostic, Report, Severity
from extauth.audit.store import AuditStore
from extauth.compiler.compilation import write_snapshot
from extauth.compiler.policies import catalog_of, compile_policies
from extauth.compiler.repository import Repository
from extauth.errors import ConfigurationError, StackError
from extauth.policy import WasmEngine
from extauth.rollout import Mode, TrialOrder
from extauth.rollout.outcomes import outcomes
from extauth.rollout.record import load
from extauth.snapshot import Snapshot
from extauth.stack.activation.active import active_settings
from extauth.stack.activation.compilation import signer_of
from extauth.stack.process.admin import AdminClient
from extauth.stack.process.record import StackRecord
from extauth.stack.progress import step
from extauth.stores import open_stores

if TYPE_CHECKING:
    from extauth.rollout.outcomes import Group, Outcomes
    from extauth.rollout.record import ShadowCount, ShadowTally, TrialRecord
    from extauth.stack.engines.engine import Engine
    from extauth.stack.progress import Progress
    from extauth.storage.state import StateDir

SHOWN = 3
"""Request ids of each difference in the report for people; the JSON has more."""

_KINDS = {
    "new_denies": "allow to deny",
    "new_allows": "deny to allow",
    "changed_rules": "denied by other rules",
    "changed_obligations": "other obligations",
    "changed_routes": "another route",
}


def start(
    mode: Mode, directory: Path, share: int, *, state: StateDir, opa: Engine, progress: Progress
) -> str:
    """Try the policies in `directory` on a share of traffic. Returns the candidate's digest.

    The models and settings are those that are served now. Raises ConfigurationError for policies
    that can't be tried, StackError when no stack is ready or another trial runs.
    """
    record = StackRecord.ready(state)
    snapshot = Snapshot.load(state.active.resolve())
    if snapshot.settings.policy.engine != "wasm":
        raise ConfigurationError(
            f"a {mode} needs `policy.engine: wasm`: an OPA server holds one set of policies"
        )
    with step(progress, f"compiling {directory}"):
        # A directory that holds the policies themselves needs no models.
        own = (directory / "gateway").is_dir()
        root = directory if own else Repository.find(directory).root
        files = compile_policies(root, catalog_of(snapshot.settings), opa.path)
        settings = (snapshot.root / "settings.json").read_bytes()
        candidate = write_snapshot({**files, "settings.json": settings}, state.trials)
        asyncio.run(WasmEngine.open(candidate).close())
        candidate.stamped(0, signer_of(record.signing, opa))
    order = TrialOrder(candidate=candidate.digest, source=str(root.resolve()), share=share)
    with step(progress, f"starting the {mode}"):
        AdminClient(record, state).post(f"/trial/{mode}", msgspec.structs.asdict(order))
    _forget_others(candidate, state)
    return candidate.digest


def stop(mode: Mode, *, state: StateDir) -> None:
    """Have the live policies decide alone. Raises StackError when no such trial runs."""
    AdminClient.of(state).delete(f"/trial/{mode}")


def latest(mode: Mode, *, state: StateDir) -> TrialRecord:
    """Return the trial of this mode that runs, or the last one. Raises StackError for none."""
    record = load(state.trials, mode)
    if record is None:
        raise StackError(f"no {mode} has run on {state.path}; `sluice {mode} start` starts one")
    return record


def shadow_report(record: TrialRecord, tally: ShadowTally) -> Report:
    """Report the findings of a shadow. Failures of the candidate fail it, differences do not."""
    failed = sum(tally.errors.values())
    different = tally.compared - tally.equal
    lines = [
        record.headline,
        "",
        f"{tally.compared:,} requests compared: {tally.equal:,} equal, {different:,} different. "
        f"The candidate failed on {failed:,} more; {tally.dropped:,} were dropped.",
        "",
        *(f"- {title}: {tally.differences.get(kind, 0):,}" for kind, title in _KINDS.items()),
    ]
    errors = sorted(tally.errors.items(), key=lambda each: -each[1])
    checks = (
        Check(
            "differences",
            "differences by rule and tenant",
            findings=tuple(_finding(count, tally) for count in tally.counts),
        ),
        Check(
            "failures",
            "failures of the candidate",
            findings=tuple(Diagnostic(f"{message}: {requests:,}") for message, requests in errors),
        ),
    )
    return Report("Shadow report", checks, "\n".join(lines))


def canary_outcomes(record: TrialRecord, *, state: StateDir) -> dict[Group, Outcomes]:
    """Return the outcomes of both groups, at the prices of the active configuration."""
    models = active_settings(state).models
    with open_stores(state) as stores:
        # A request that was under way at the end still counts: it says so itself.
        records = AuditStore(stores.audit()).export(since=record.started)
        return outcomes(records, record.order.candidate, models)


def _finding(count: ShadowCount, tally: ShadowTally) -> Diagnostic:
    ids = [
        example.request_id
        for example in tally.examples
        if example.difference == count.difference
        and example.tenant == count.tenant
        and count.rule in example.rules
    ]
    return Diagnostic(
        f"{_KINDS[count.difference]} by {count.rule or 'no rule'}, tenant {count.tenant}: "
        f"{count.requests:,}",
        level=Severity.NOTE,
        detail="\n".join(f"request {each}" for each in ids[:SHOWN]) or None,
    )


def _forget_others(candidate: Snapshot, state: StateDir) -> None:
    for directory in state.trials.iterdir():
        if directory.is_dir() and directory != candidate.root:
            shutil.rmtree(directory, ignore_errors=True)

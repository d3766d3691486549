"""The status of a stack, asked of its processes now."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from extauth.rollout import Mode
from extauth.rollout.record import load
from extauth.snapshot.history import History, HistoryEntry, refused_last
from extauth.stack.activation.active import active_digest, active_settings
from extauth.stack.process.readiness import ready
from extauth.stack.process.record import StackRecord
from extauth.stack.sources.following import FollowingState

if TYPE_CHECKING:
    from extauth.storage.state import StateDir


class ProcessStatus(msgspec.Struct, frozen=True):
    """A process of a stack. `uptime` is seconds."""

    pid: int
    uptime: float
    restarts: int
    ready: bool


class TrialStatus(msgspec.Struct, frozen=True):
    """A shadow or canary that runs, or that was stopped because its candidate failed."""

    mode: str
    candidate: str
    running: bool
    headline: str


class BackendStatus(msgspec.Struct, frozen=True):
    """A model server of the active snapshot. `url` None is the stack's own."""

    kind: str
    url: str | None


class PolicyStatus(msgspec.Struct, frozen=True):
    """The engine that decides. `url` is an OPA server's that somebody else runs: nobody here can
    prove which policies it has; None for the gateway's own.
    """

    engine: str
    url: str | None


class StackStatus(msgspec.Struct, frozen=True):
    """A running stack, `ready` if it is complete and every process is ready.

    `sequence` is the active snapshot's. `refused` is the last entry of the history if that is a
    refusal. `following` are the sources that the stack follows.
    """

    ready: bool
    pid: int
    endpoint: str
    admin: str
    state_dir: str
    config: str
    digest: str
    processes: dict[str, ProcessStatus]
    policy: PolicyStatus
    trial: TrialStatus | None = None
    sequence: int = 0
    refused: HistoryEntry | None = None
    following: FollowingState = FollowingState()
    backends: dict[str, BackendStatus] = {}


def status(state: StateDir) -> StackStatus | None:
    """Return the stack of a state directory, None if none runs. Blocks for a few seconds."""
    record = StackRecord.running(state)
    if record is None:
        return None
    names = list(record.processes)
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        found = pool.map(lambda name: ready(name, record, state), names)
        answers = dict(zip(names, found, strict=True))
    now = time.time()
    settings = active_settings(state)
    entries = History(state.history).entries()
    processes = {
        name: ProcessStatus(
            pid=process.pid,
            uptime=round(now - process.started, 1),
            restarts=process.restarts,
            ready=answers[name],
        )
        for name, process in record.processes.items()
    }
    return StackStatus(
        ready=record.phase == "ready" and all(answers.values()),
        pid=record.pid,
        endpoint=record.endpoint,
        admin=record.admin,
        state_dir=str(state.path),
        config=record.config,
        digest=active_digest(state) or record.digest,
        processes=processes,
        trial=_trial(state),
        sequence=next((one.sequence for one in reversed(entries) if one.result == "activated"), 0),
        refused=refused_last(entries),
        following=FollowingState.load(state),
        backends={
            name: BackendStatus(one.kind, one.url) for name, one in settings.backends.items()
        },
        policy=PolicyStatus(settings.policy.engine, settings.policy.external),
    )


def _trial(state: StateDir) -> TrialStatus | None:
    """Return the latest trial if it runs or failed."""
    records = [record for mode in Mode if (record := load(state.trials, mode)) is not None]
    latest = max(records, key=lambda record: record.started, default=None)
    if latest is None or not (latest.running or latest.failed):
        return None
    return TrialStatus(
        mode=latest.mode,
        candidate=latest.order.candidate,
        running=latest.running,
        headline=latest.headline,
    )

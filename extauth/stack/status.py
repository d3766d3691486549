"""How a stack is doing, asked of its processes now."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from extauth.stack.activation import active_digest
from extauth.stack.readiness import ready
from extauth.stack.record import StackRecord

if TYPE_CHECKING:
    from extauth.state import StateDir


class ProcessStatus(msgspec.Struct, frozen=True):
    """One process. `uptime` is seconds."""

    pid: int
    uptime: float
    restarts: int
    ready: bool


class StackStatus(msgspec.Struct, frozen=True):
    """A running stack. `ready` is whether it is complete and every process is ready."""

    ready: bool
    pid: int
    endpoint: str
    admin: str
    state_dir: str
    config: str
    digest: str
    processes: dict[str, ProcessStatus]


def status(state: StateDir) -> StackStatus | None:
    """The state directory's stack, or None if none runs. Blocks for a few seconds at most."""
    record = StackRecord.running(state)
    if record is None:
        return None
    names = list(record.processes)
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        found = pool.map(lambda name: ready(name, record, state), names)
        answers = dict(zip(names, found, strict=True))
    now = time.time()
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
    )

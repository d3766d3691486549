"""The record that a running stack keeps of itself: `run/stack.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from extauth.errors import StackError
from extauth.snapshot.signing import Algorithm
from extauth.storage.state import write_secret

if TYPE_CHECKING:
    from extauth.storage.state import StateDir


class ProcessRecord(msgspec.Struct, frozen=True):
    """A process of the stack. `started` is Unix seconds."""

    pid: int
    started: float
    restarts: int = 0


class SigningRecord(msgspec.Struct, frozen=True):
    """The files of the keys that sign and verify the snapshots of a stack."""

    algorithm: Algorithm
    key: str
    public_key: str


class StackRecord(msgspec.Struct, frozen=True):
    """A stack that runs, or did: the record stays, so that the next start can keep the ports.

    `pid` and `born` identify the supervisor: the process id alone may belong to another process
    by now. `ports` are the internal ones on loopback: `triton_http`, `triton_grpc`,
    `triton_metrics`, `opa`. `endpoint` and `admin` are the URLs for clients and operators.
    `signing` is settled at the start, and None where snapshots are not signed.
    """

    pid: int
    born: int
    phase: Literal["starting", "ready"]
    endpoint: str
    admin: str
    config: str
    digest: str
    ports: dict[str, int]
    processes: dict[str, ProcessRecord] = {}
    overrides: dict[str, int] = {}
    signing: SigningRecord | None = None

    def save(self, state: StateDir) -> None:
        """Replace the record in one step, readable by its owner alone."""
        write_secret(state.stack_file, msgspec.json.format(msgspec.json.encode(self)).decode())

    @classmethod
    def load(cls, state: StateDir) -> StackRecord | None:
        """Return the last record, or None where this version understands none."""
        try:
            return msgspec.json.decode(state.stack_file.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return None

    @classmethod
    def running(cls, state: StateDir) -> StackRecord | None:
        """Return the record if the supervisor that wrote it lives."""
        record = cls.load(state)
        return record if record and birth(record.pid) == record.born else None

    @classmethod
    def ready(cls, state: StateDir) -> StackRecord:
        """Return the record of the stack that runs. Raises StackError when none is ready."""
        record = cls.running(state)
        if record is None or record.phase != "ready":
            raise StackError(f"no stack is ready on {state.path}; `sluice up` starts one")
        return record


def birth(pid: int) -> int | None:
    """Return the start of process `pid` in clock ticks since boot, None if it is gone.

    A zombie counts as gone. Together with the id it names a process for good (proc(5), field 22).
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command's name stands in parentheses and may hold anything: the last one ends it.
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] == "Z" else int(fields[19])

"""Processes under measurement: starting and stopping them, what CPU and memory they use."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import MeasurementFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STOP_SECONDS = 10


@contextmanager
def running(
    arguments: Sequence[str],
    log: Path,
    environment: Mapping[str, str] | None = None,
    *,
    directory: Path | None = None,
) -> Iterator[int]:
    """Run a process for as long as the body lasts; its id. What it prints goes to `log`.

    `environment` is added to ours; it works in `directory`, by default where we do.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
            cwd=directory,
            # Ctrl-C is for the benchmark alone, which then stops its processes in order.
            start_new_session=True,
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                # Its children too: it leads a session of its own.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its descendants so far. Raises MeasurementFailed if it is gone."""
    return sum(sum(map(int, _stat(one)[11:13])) for one in _tree(pid)) / _TICKS


def peak_resident_bytes(pid: int) -> int:
    """The most that was resident of one process. Raises MeasurementFailed if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return 1024 * next(int(one.split()[1]) for one in lines if one.startswith("VmHWM:"))
    except (OSError, StopIteration):
        raise MeasurementFailed(f"process {pid} has died") from None


def resident_bytes(pid: int) -> int:
    """Resident memory of one process. Raises MeasurementFailed if it is gone."""
    return int(_stat(pid)[21]) * _PAGE


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in path.read_text().split():
                yield from _tree(int(child))


def _stat(pid: int) -> list[str]:
    """The fields of proc(5) from the third on: the command's name before them may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        raise MeasurementFailed(f"process {pid} has died") from None

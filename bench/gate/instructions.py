"""Instructions of the service process, by valgrind's callgrind: all threads, user mode, no caches.

Nothing is counted until the service is warm, which makes starting under valgrind five times as
quick.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from bench.errors import MeasurementFailed
from bench.gate.counting import costs, warm
from bench.gate.service import service

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.gate.service import Command

REQUESTS = 150
"""Of each kind. More are more exact, at 50 to 150 ms each."""

_CONTROL_SECONDS = 120


def require_valgrind() -> None:
    """Raise MeasurementFailed when valgrind is missing."""
    for tool in ("valgrind", "vgdb"):
        if shutil.which(tool) is None:
            raise MeasurementFailed(
                f"{tool} is not installed: it counts instructions (on Debian: apt install valgrind)"
            )


def instructions(command: Command) -> Mapping[str, float]:
    """Instructions a request, by kind. Raises MeasurementFailed."""
    out = command.state.with_name("callgrind")
    wrapper = (
        *(
            "valgrind",
            "--tool=callgrind",
            "--instr-atstart=no",
            "--separate-threads=yes",
            "--quiet",
        ),
        f"--callgrind-out-file={out}",
    )
    with service(command, wrapper) as running:
        warm(running.connection, command.key)
        counter = _Counter(running.pid, out)
        return costs(running.connection, command.key, counter.read, REQUESTS)


class _Counter:
    """The instructions that callgrind has counted since this was made, by thread."""

    def __init__(self, pid: int, out: Path) -> None:
        self._pid = pid
        self._out = out
        self._dumps = 0
        self._counts: dict[int, int] = {}
        self._tell("instrumentation", "on")

    def read(self) -> Mapping[int, int]:
        """Have it write what it counted since it wrote last."""
        self._tell("dump")
        self._dumps += 1
        dumps = list(self._out.parent.glob(f"{self._out.name}.{self._dumps}-*"))
        if not dumps:
            raise MeasurementFailed("callgrind did not write what it counted")
        for dump in dumps:
            thread = int(dump.name.rpartition("-")[2])
            self._counts[thread] = self._counts.get(thread, 0) + summary(dump.read_text())
            dump.unlink()
        return dict(self._counts)

    def _tell(self, *order: str) -> None:
        arguments = ["vgdb", f"--pid={self._pid}", f"--wait={_CONTROL_SECONDS}", *order]
        try:
            done = subprocess.run(
                arguments, capture_output=True, text=True, check=False, timeout=_CONTROL_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise MeasurementFailed("valgrind does not answer vgdb") from None
        if done.returncode:
            raise MeasurementFailed(f"vgdb fails: {done.stderr.strip()[-300:]}")


def summary(dump: str) -> int:
    """The sum of one of callgrind's dumps, in which instructions are all that is counted.

    Raises MeasurementFailed when there is none (valgrind's manual, "Callgrind Format").
    """
    fields = dict(line.split(": ", 1) for line in dump.splitlines() if ": " in line)
    if fields.get("events", "").split() != ["Ir"] or not fields.get("summary", "").isdigit():
        raise MeasurementFailed("callgrind wrote no sum of instructions")
    return int(fields["summary"])

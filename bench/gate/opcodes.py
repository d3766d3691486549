"""Python opcodes of the service process, all of its threads: exact, and blind to C and Wasm."""

from __future__ import annotations

import array
import os
from typing import TYPE_CHECKING

from bench.envoy import BENCH
from bench.gate.counting import costs, warm
from bench.gate.service import service

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.gate.service import Command

STARTUP = BENCH / "gate" / "startup"
"""What Python runs before anything else, when it is on its path."""

REQUESTS = 300
"""Of each kind. More are more exact, at 10 to 30 ms each."""

_THREADS = 512


def opcodes(command: Command) -> Mapping[str, float]:
    """Opcodes a request, by kind. Raises MeasurementFailed."""
    counts = command.state.with_name("opcodes")
    counts.write_bytes(bytes(8 * _THREADS))
    path = os.pathsep.join((str(STARTUP), command.environment["PYTHONPATH"]))
    with service(command, environment={"PYTHONPATH": path, "OPCODES": str(counts)}) as running:
        warm(running.connection, command.key)
        return costs(running.connection, command.key, lambda: total(counts), REQUESTS)


def total(counts: Path) -> int:
    """The sum over all threads."""
    return sum(array.array("Q", counts.read_bytes()))

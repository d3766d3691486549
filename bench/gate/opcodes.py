"""Python opcodes of the service process, all of its threads: exact, and blind to C and Wasm."""

from __future__ import annotations

import os
from array import array
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

THREADS = 1024
"""As many as there may ever be."""

REQUESTS = 300
"""Of each kind. More are more exact, at 10 to 30 ms each."""


def opcodes(command: Command) -> Mapping[str, float]:
    """Opcodes a request, by kind. Raises MeasurementFailed."""
    counted = command.state.with_name("opcodes")
    counted.write_bytes(bytes(8 * THREADS))
    path = os.pathsep.join((str(STARTUP), command.environment["PYTHONPATH"]))
    with service(command, environment={"PYTHONPATH": path, "OPCODES": str(counted)}) as running:
        warm(running.connection, command.key)
        return costs(running.connection, command.key, lambda: read(counted), REQUESTS)


def read(counted: Path) -> Mapping[int, int]:
    """The opcodes so far by thread, as the process writes them (startup/sitecustomize.py)."""
    return {thread: count for thread, count in enumerate(array("Q", counted.read_bytes())) if count}

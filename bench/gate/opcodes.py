"""Python opcodes of the service process, all of its threads: exact, and blind to C and Wasm."""

from __future__ import annotations

import os
import sys
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


def opcodes(command: Command) -> Mapping[str, float]:
    """Opcodes a request, by kind. Raises MeasurementFailed."""
    counted = command.state.with_name("opcodes")
    counted.write_bytes(bytes(8))
    path = os.pathsep.join((str(STARTUP), command.environment["PYTHONPATH"]))
    with service(command, environment={"PYTHONPATH": path, "OPCODES": str(counted)}) as running:
        warm(running.connection, command.key)
        return costs(running.connection, command.key, lambda: total(counted), REQUESTS)


def total(counted: Path) -> int:
    """The opcodes so far, as the process writes them (startup/sitecustomize.py)."""
    return int.from_bytes(counted.read_bytes(), sys.byteorder)

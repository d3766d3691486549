"""Memory of the service process after many requests, with nothing that measures in it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from bench.gate.counting import warm
from bench.gate.service import service
from bench.processes import peak_resident_bytes, resident_bytes

if TYPE_CHECKING:
    from bench.gate.service import Command

REQUESTS = 500
"""Of each kind. What is kept for each request would show; what is kept once is there by then."""

_SETTLE_SECONDS = 2.0


class Memory(NamedTuple):
    """Bytes: resident at the end, and the most that ever were."""

    resident: int
    peak: int


def memory(command: Command) -> Memory:
    """Measure it. Raises MeasurementFailed."""
    with service(command) as running:
        warm(running.connection, command.key, REQUESTS)
        time.sleep(_SETTLE_SECONDS)
        return Memory(resident_bytes(running.pid), peak_resident_bytes(running.pid))

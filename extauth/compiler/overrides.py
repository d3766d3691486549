"""Settings that a state directory decides, and not `gateway.yaml`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overrides:
    """Ports for one state directory. None keeps what the configuration says.

    `triton_http_port` is where the embedded model server listens, on loopback, and
    `triton_metrics_port` where it tells its load.
    """

    listener_port: int | None = None
    admin_port: int | None = None
    triton_http_port: int = 8000
    triton_metrics_port: int = 8002

"""Whether each process of a stack does its work, asked of the process itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from extauth.network.sockets import control_socket
from extauth.stack.ports import LOOPBACK
from extauth.stack.request import UnreachableError, request

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.stack.record import StackRecord
    from extauth.storage.state import StateDir

ENVOY_ADMIN = "envoy-admin.sock"
PROBE_SECONDS = 2.0
SERVICE = "service"


def service_name(worker: int, workers: int) -> str:
    """What a worker's process is called; without a number where it is the only one."""
    return SERVICE if workers == 1 else f"{SERVICE}-{worker}"


def ready(name: str, record: StackRecord, state: StateDir) -> bool:
    """Whether process `name` answers as a ready one does. Blocks for a few seconds at most."""
    match name:
        case "triton":
            return _answers((LOOPBACK, record.ports["triton_http"]), "/v2/health/ready", 200)
        case "opa":
            return _answers((LOOPBACK, record.ports["opa"]), "/health?bundles", 200)
        case _ if name.startswith(f"{SERVICE}-"):
            # Worker 0's admin endpoint tells of all of them: each is asked itself.
            worker = int(name.removeprefix(f"{SERVICE}-"))
            return _answers(state.path / control_socket(worker), "/readyz", 200)
        case "service":
            return _answers(address(record.admin), "/readyz", 200)
        case "envoy":
            # The admin's word is not enough: a listener may have been refused or still warm up.
            # Without a key the gateway itself says 401, which takes Envoy and the service.
            return _answers(state.run / ENVOY_ADMIN, "/ready", 200) and _answers(
                address(record.endpoint), "/v1/models", 401
            )
        case _:
            return False


def address(url: str) -> tuple[str, int]:
    """Where to connect for a URL of the stack's own; a wildcard address is reached on loopback."""
    parts = urlsplit(url)
    host = parts.hostname or LOOPBACK
    return {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host), parts.port or 80  # noqa: S104


def _answers(where: tuple[str, int] | Path, path: str, status: int) -> bool:
    try:
        return request(where, path, timeout=PROBE_SECONDS).status == status
    except UnreachableError:
        return False

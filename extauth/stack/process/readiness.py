"""Readiness of the processes of a stack, asked of the processes themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from extauth.errors import Unreachable
from extauth.network.request import request
from extauth.network.sockets import control_socket
from extauth.stack.process.envoy import envoy_admin
from extauth.stack.process.ports import LOOPBACK, loopback

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.stack.process.record import StackRecord
    from extauth.storage.state import StateDir

SERVICE = "service"


def service_name(worker: int, workers: int) -> str:
    """Return the name of a worker's process, without a number where it is the only one."""
    return SERVICE if workers == 1 else f"{SERVICE}-{worker}"


def ready(name: str, record: StackRecord, state: StateDir) -> bool:
    """Return whether the process `name` is ready. Blocks for a few seconds at most."""
    match name:
        case "triton":
            return _answers(loopback(record.ports["triton_http"]), "/v2/health/ready", 200)
        case "opa":
            return _answers(loopback(record.ports["opa"]), "/health?bundles", 200)
        case _ if name.startswith(f"{SERVICE}-"):
            # Worker 0's admin endpoint tells of all of them: each is asked itself.
            worker = int(name.removeprefix(f"{SERVICE}-"))
            return _answers(state.path / control_socket(worker), "/readyz", 200)
        case "service":
            return _answers(reachable(record.admin), "/readyz", 200)
        case "envoy":
            # The admin's word is not enough: a listener may have been refused or still warm up.
            # Without a key the gateway itself says 401, which takes Envoy and the service.
            return _answers(envoy_admin(state), "/ready", 200) and _answers(
                reachable(record.endpoint), "/v1/models", 401
            )
        case _:
            return False


def reachable(url: str) -> str:
    """Return the URL to connect to for an address that is listened on: a wildcard's is loopback."""
    parts = urlsplit(url)
    host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(parts.hostname or LOOPBACK, parts.hostname)  # noqa: S104
    named = f"[{host}]" if ":" in str(host) else host
    return f"http://{named}:{parts.port or 80}"


def _answers(server: str | Path, path: str, status: int) -> bool:
    try:
        return request(server, path).status == status
    except Unreachable:
        return False

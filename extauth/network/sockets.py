"""The unix sockets of the service's processes, relative to the state directory.

It is the working directory of Envoy and of the service: an absolute path may be too long for a
unix socket. A single process has the names without a number.
"""

from __future__ import annotations

from pathlib import Path

RUN = Path("run")


def processor_socket(worker: int, workers: int) -> Path:
    """Return the socket of ext_proc of worker `worker` of `workers`."""
    return _socket("ext_proc", worker, workers)


def authorization_socket(worker: int, workers: int) -> Path:
    """Return the socket of ext_authz."""
    return _socket("ext_authz", worker, workers)


def portal_socket(worker: int, workers: int) -> Path:
    """Return the socket of the portal."""
    return _socket("portal", worker, workers)


def control_socket(worker: int) -> Path:
    """Return the socket of a worker's control endpoint, which exists for several workers only."""
    return RUN / f"control-{worker}.sock"


def backends_socket() -> Path:
    """Return where Envoy passes the service's own questions on to model servers."""
    return RUN / "backends.sock"


def _socket(name: str, worker: int, workers: int) -> Path:
    return RUN / (f"{name}.sock" if workers == 1 else f"{name}-{worker}.sock")

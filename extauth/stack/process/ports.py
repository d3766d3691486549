"""Ports on loopback: free ones, and clear errors for those in use."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOOPBACK = "127.0.0.1"


def loopback(port: int) -> str:
    """Return the URL of a server of the stack's own."""
    return f"http://{LOOPBACK}:{port}"


def require_free(address: str, port: int, option: str) -> None:
    """Raise StackError, naming the option to change, unless `port` can be listened on."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        # As Envoy and uvicorn do, so that a connection in TIME_WAIT is not in the way.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StackError(
                    f"port {port} on {address} is in use; choose another one with {option}"
                ) from None
            raise StackError(
                f"cannot listen on {address}:{port}: {error.strerror}; see {option}"
            ) from None


def allocate(names: Iterable[str], previous: Mapping[str, int]) -> dict[str, int]:
    """Return a free loopback port for each name: the previous one where it is still free.

    Keeping a port keeps the digest of the snapshot that names it. All are held until all are
    found, so no two names get the same one.
    """
    ports = {}
    with ExitStack() as held:
        for name in names:
            wanted = previous.get(name, 0)
            probe = held.enter_context(socket.socket())
            try:
                probe.bind((LOOPBACK, wanted))
            except OSError:
                probe.bind((LOOPBACK, 0))
            ports[name] = probe.getsockname()[1]
    return ports

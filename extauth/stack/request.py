"""HTTP to the stack's own processes: a loopback port, or a unix socket of the state directory."""

from __future__ import annotations

import http.client
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT = 2.0


class UnreachableError(Exception):
    """Nobody answered, or not in HTTP, or not in time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, its body read whole."""

    status: int
    body: bytes


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        # A socket's address holds 108 bytes, and a state directory may lie deeper than that.
        directory = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)


def request(
    where: tuple[str, int] | Path,
    path: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = TIMEOUT,
) -> Answer:
    """Ask once, blocking for at most about `timeout` seconds. Raises UnreachableError."""
    connection = (
        http.client.HTTPConnection(*where, timeout=timeout)
        if isinstance(where, tuple)
        else _UnixConnection(where, timeout)
    )
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(str(error)) from None
    finally:
        connection.close()

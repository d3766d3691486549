"""A short-lived OPA server on loopback, for the questions of one check or test."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from extauth.errors import StackError, Unreachable
from extauth.network.request import request
from extauth.rego.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_START_SECONDS = 20.0
_PAUSE = 0.02


@contextmanager
def serve(opa: Path, bundle: Path) -> Iterator[str]:
    """Run a server with `bundle` until the block ends; yield its URL.

    Blocks until the bundle is active. Raises StackError when the server does not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    arguments = ["run", "--server", "--skip-version-check", "--log-level", "error"]
    with tempfile.TemporaryFile() as log:
        try:
            server = subprocess.Popen(  # noqa: S603  # a fixed command line, no shell
                [str(opa.absolute()), *arguments, "--addr", address, "--bundle", str(bundle)],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        except OSError as error:
            raise StackError(f"{opa} can't be run: {error.strerror}") from None
        try:
            _wait(server, f"http://{address}")
            yield f"http://{address}"
        finally:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while not _healthy(url):
        if server.poll() is not None:
            raise StackError("the OPA server ended before it was ready")
        if time.monotonic() > until:
            raise StackError(f"the OPA server was not ready within {_START_SECONDS:g} s")
        time.sleep(_PAUSE)


def _healthy(url: str) -> bool:
    try:
        return request(url, "/health?bundles", timeout=1).status == 200
    except Unreachable:
        return False

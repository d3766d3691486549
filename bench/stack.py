"""`sluice up` and `sluice down`, of this checkout or of another one."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from string import Template
from typing import TYPE_CHECKING

import msgspec

from bench.envoy import BENCH
from bench.errors import MeasurementFailed
from bench.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class _Key(msgspec.Struct):
    key: str


class Stack(msgspec.Struct):
    """What `sluice up --json` prints, as far as it matters here."""

    endpoint: str
    admin: str
    processes: dict[str, int]
    keys: list[_Key]

    @property
    def port(self) -> int:
        """Where clients connect."""
        return int(self.endpoint.rpartition(":")[2])

    @property
    def admin_port(self) -> int:
        """Where the admin endpoint is."""
        return int(self.admin.rpartition(":")[2])


def configuration(upstream: int, checkout: Path = BENCH.parent) -> str:
    """A checkout's own `bench/gateway.yaml`, for models at this port. Raises MeasurementFailed."""
    source = checkout / "bench" / "gateway.yaml"
    try:
        return Template(source.read_text()).substitute(root=checkout, upstream=upstream)
    except OSError as error:
        raise MeasurementFailed(f"cannot read {source}: {error.strerror}") from None


@contextmanager
def stack(
    workdir: Path, configured: str, environment: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Run a stack that is configured so, with its state in `workdir/state`.

    With a PYTHONPATH in `environment`, which is added to ours, it is that checkout's. Raises
    MeasurementFailed when it does not start.
    """
    state, config = workdir / "state", workdir / "gateway.yaml"
    config.write_text(configured)
    environment = {**os.environ, **(environment or {})}
    try:
        started = _sluice(
            environment,
            *("up", "--detach", "--json", "--state-dir", str(state), "--config", str(config)),
            *("--port", str(free_port()), "--admin-port", str(free_port())),
        )
        yield msgspec.json.decode(started, type=Stack)
    finally:
        _sluice(environment, "down", "--state-dir", str(state))


def _sluice(environment: Mapping[str, str], *arguments: str) -> bytes:
    command = [sys.executable, "-P", "-m", "extauth.cli", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    if done.returncode:
        message = (done.stderr or done.stdout).decode(errors="replace").strip()
        last = message.splitlines()[-1] if message else f"exit status {done.returncode}"
        raise MeasurementFailed(f"`sluice {arguments[0]}` failed: {last}")
    return done.stdout

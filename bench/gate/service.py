"""A checkout's service process by itself, with nothing but a driver at its socket.

How to start it is the stack's own business: `sluice up` starts it once, the command line is read
from /proc, and the same is run again, under whatever measures it. Of the state directory only the
name of Envoy's socket is known here.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from bench.errors import MeasurementFailed
from bench.gate.connection import Connection
from bench.processes import running
from bench.stack import configuration, stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.gate.checkout import Checkout

SOCKET = Path("run") / "ext_proc.sock"
NO_UPSTREAM = 9
"""The discard service's port: nobody listens, and the service by itself never asks the models."""

POLICY_TIMEOUT = "60s"
"""The time that a decision may take. Under valgrind, on a busy machine, it takes long."""

START_SECONDS = 300.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Command:
    """How a service is started, and the key of a client that it knows."""

    checkout: Checkout
    arguments: Sequence[str]
    environment: Mapping[str, str]
    state: Path
    pristine: Path
    key: str


@dataclass(frozen=True, slots=True)
class Service:
    """A running one."""

    pid: int
    connection: Connection


def prepare(checkout: Checkout, workdir: Path) -> Command:
    """Have `sluice up` compile a snapshot and make a key. Raises MeasurementFailed."""
    environment = checkout.environment(workdir)
    with stack(
        workdir, _patient(configuration(NO_UPSTREAM, checkout.path)), environment
    ) as started:
        proc = Path("/proc") / str(started.processes["service"])
        arguments = _strings(proc / "cmdline")
        environment |= dict(pair.split("=", 1) for pair in _strings(proc / "environ"))
        key = started.keys[0].key
    state, pristine = workdir / "state", workdir / "pristine"
    # Sockets are made anew.
    shutil.copytree(state, pristine, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    return Command(checkout, arguments, environment, state, pristine, key)


@contextmanager
def service(
    command: Command, wrapper: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Run it on a fresh state directory, as an argument of `wrapper`, and connect to it.

    Raises MeasurementFailed with the end of its log when it does not start.
    """
    shutil.rmtree(command.state)
    shutil.copytree(command.pristine, command.state, symlinks=True)
    log = command.state.with_name("service.log")
    with (
        running(
            [*wrapper, *command.arguments],
            log,
            {**command.environment, **(environment or {})},
            directory=command.state,
        ) as pid,
        _connected(pid, command, log) as connection,
    ):
        yield Service(pid, connection)


def _connected(pid: int, command: Command, log: Path) -> Connection:
    deadline = time.monotonic() + START_SECONDS
    while not (command.state / SOCKET).exists():
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        if ended or time.monotonic() > deadline:
            last = "\n  ".join(log.read_text(errors="replace").splitlines()[-5:])
            what = "ended" if ended else f"did not listen within {START_SECONDS:g} s"
            raise MeasurementFailed(f"{command.checkout.title}: the service {what}:\n  {last}")
        time.sleep(_POLL_SECONDS)
    return Connection(command.state / SOCKET)


def _patient(configured: str) -> str:
    """The configuration with a policy that is never late, but where it hangs."""
    settings = yaml.safe_load(configured)
    settings["policy"]["timeout"] = POLICY_TIMEOUT
    return yaml.safe_dump(settings)


def _strings(path: Path) -> list[str]:
    return path.read_text().rstrip("\0").split("\0")

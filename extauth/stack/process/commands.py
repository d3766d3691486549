"""The command lines of the processes of a stack, relative to the state directory."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from extauth.stack.process import shared_memory
from extauth.stack.process.child import Command, python
from extauth.stack.process.envoy import drain, envoy_admin
from extauth.stack.process.ports import LOOPBACK, loopback
from extauth.stack.process.readiness import ready, service_name
from extauth.storage.resources import bootstrap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from extauth.settings import Settings
    from extauth.snapshot.signing import Verifier
    from extauth.stack.engines.engine import Engine
    from extauth.stack.engines.triton import TritonFiles
    from extauth.stack.process.record import StackRecord
    from extauth.storage.state import StateDir

TRITON = "triton"
OPA = "opa"
ENVOY = "envoy"

TRITON_PORTS = ("triton_http", "triton_grpc", "triton_metrics")
DRAIN_SECONDS = 5.0
SETTLE_SECONDS = 15.0

# What finds a GPU, and what finds this Python's modules and libraries.
GPU = ("CUDA_", "NVIDIA_")
PYTHON = ("LD_LIBRARY_PATH", "PYTHONPATH")

# A model instance is one process that uses one core; arenas and helper threads only cost memory.
FRUGAL = {
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def probe(name: str, record: StackRecord, state: StateDir) -> Callable[[], Awaitable[bool]]:
    """Return a readiness check that does not block the event loop."""
    return partial(asyncio.to_thread, ready, name, record, state)


def triton(
    engine: Engine, files: TritonFiles, record: StackRecord, state: StateDir, *, gpu: bool
) -> Command:
    """Run the embedded model server, which listens on loopback: clients reach it through Envoy."""
    ports, shared = record.ports, shared_memory.prefix(state)
    environment = {**FRUGAL, **files.environment()}
    if not gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    options = {
        "model-repository": "triton/models",
        "backend-directory": "triton/backends",
        "backend-config": f"python,shm-region-prefix-name={shared}",
        "model-control-mode": "explicit",
        "load-model": "*",
        "disable-auto-complete-config": None,
        "exit-timeout-secs": "5",
        "http-address": LOOPBACK,
        "http-port": str(ports["triton_http"]),
        "grpc-address": LOOPBACK,
        "grpc-port": str(ports["triton_grpc"]),
        "metrics-address": LOOPBACK,
        "metrics-port": str(ports["triton_metrics"]),
        "allow-gpu-metrics": str(gpu).lower(),
    }
    return Command(
        name=TRITON,
        arguments=[str(engine.path), *_flags(options)],
        environment=environment,
        inherits=GPU,
        ready=probe(TRITON, record, state),
        within=120.0,
        shared_memory=shared,
    )


def opa(
    engine: Engine, record: StackRecord, state: StateDir, verifier: Verifier | None = None
) -> Command:
    """Run the stack's own OPA server, which loads the bundle again whenever it is replaced."""
    trusted = (
        ()
        if verifier is None
        else (
            *("--verification-key", str(verifier.key)),
            *("--signing-alg", verifier.algorithm),
        )
    )
    return Command(
        name=OPA,
        arguments=[
            str(engine.path),
            *("run", "--server", "--watch", "--skip-version-check"),
            *("--addr", f"{LOOPBACK}:{record.ports['opa']}"),
            *("--log-level", "error"),
            *trusted,
            *("--bundle", "opa/bundle.tar.gz"),
        ],
        ready=probe(OPA, record, state),
    )


def service(
    record: StackRecord,
    state: StateDir,
    verifier: Verifier | None = None,
    *,
    worker: int = 0,
    workers: int = 1,
) -> Command:
    """Run a process of the gateway's own: ext_proc, ext_authz and the portal.

    Worker 0 has the admin endpoint. The key that it trusts is settled here: no snapshot can
    change it.
    """
    name = service_name(worker, workers)
    trusted = (
        ()
        if verifier is None
        else (
            *("--opa", str(verifier.opa)),
            *("--verification-key", str(verifier.key)),
            *("--algorithm", verifier.algorithm),
        )
    )
    return Command(
        name=name,
        arguments=python(
            *("-m", "extauth.cli", "serve"),
            *("--state-dir", str(state.path)),
            *("--opa-url", loopback(record.ports["opa"])),
            *trusted,
            *(("--worker", str(worker)) if workers > 1 else ()),
        ),
        environment={"PYTHONUNBUFFERED": "1"},
        inherits=PYTHON,
        ready=probe(name, record, state),
        grace=SETTLE_SECONDS,
    )


def envoy(engine: Engine, record: StackRecord, state: StateDir) -> Command:
    """Run the proxy that clients connect to."""
    return Command(
        name=ENVOY,
        arguments=[
            str(engine.path),
            *("--config-path", str(bootstrap())),
            "--use-dynamic-base-id",
            "--disable-hot-restart",
            *("--drain-time-s", "5"),
            *("--log-level", "warning"),
        ],
        ready=probe(ENVOY, record, state),
        drain=partial(drain, envoy_admin(state), DRAIN_SECONDS),
    )


def own_opa(settings: Settings) -> bool:
    """Return whether the stack's own OPA server makes the decisions."""
    return settings.policy.engine == "opa" and settings.policy.url is None


def _flags(options: Mapping[str, str | None]) -> list[str]:
    return [
        f"--{name}" if value is None else f"--{name}={value}" for name, value in options.items()
    ]

"""The processes of a stack: their command lines, relative to the state directory."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from extauth.stack import shared_memory
from extauth.stack.child import Command, python
from extauth.stack.drain import drain_envoy
from extauth.stack.ports import LOOPBACK
from extauth.stack.readiness import ENVOY_ADMIN, ready, service_name
from extauth.storage.resources import bootstrap

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from extauth.settings import Backend, Settings
    from extauth.snapshot.signing import Verifier
    from extauth.stack.engines import Engine
    from extauth.stack.engines.triton import TritonFiles
    from extauth.stack.record import StackRecord
    from extauth.storage.state import StateDir

TRITON = "triton"
OPA = "opa"
ENVOY = "envoy"

TRITON_PORTS = ("triton_http", "triton_grpc", "triton_metrics")
DRAIN_SECONDS = 5.0
SETTLE_SECONDS = 15.0

# A model instance is one process that uses one core; arenas and helper threads only cost memory.
FRUGAL = {
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def probe(name: str, record: StackRecord, state: StateDir) -> Callable[[], Awaitable[bool]]:
    """A readiness check that does not block the event loop."""
    return partial(asyncio.to_thread, ready, name, record, state)


def triton(
    engine: Engine, files: TritonFiles, record: StackRecord, state: StateDir, *, gpu: bool
) -> Command:
    """The embedded model server. Only loopback reaches it, and clients only through Envoy."""
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
        ready=probe(TRITON, record, state),
        within=120.0,
        shared_memory=shared,
    )


def opa(
    engine: Engine, record: StackRecord, state: StateDir, verifier: Verifier | None = None
) -> Command:
    """The stack's own OPA server, which loads the bundle again whenever it is replaced."""
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
    """One of the gateway's own processes: ext_proc, ext_authz and the portal.

    Worker 0 has the admin endpoint. Which key it trusts is settled here, and no snapshot can
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
            *("--opa-url", f"http://{LOOPBACK}:{record.ports['opa']}"),
            *trusted,
            *(("--worker", str(worker)) if workers > 1 else ()),
        ),
        environment={"PYTHONUNBUFFERED": "1"},
        ready=probe(name, record, state),
        grace=SETTLE_SECONDS,
    )


def envoy(engine: Engine, record: StackRecord, state: StateDir) -> Command:
    """The proxy that clients talk to."""
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
        drain=partial(drain_envoy, state.run / ENVOY_ADMIN, DRAIN_SECONDS),
    )


def embedded_backend(settings: Settings) -> Backend | None:
    """The backend that is the stack's own Triton, if there is one."""
    return next((one for one in settings.backends.values() if one.url is None), None)


def own_opa(settings: Settings) -> bool:
    """Whether decisions are made by the stack's own OPA server."""
    return settings.policy.engine == "opa" and settings.policy.url is None


def _flags(options: Mapping[str, str | None]) -> list[str]:
    return [
        f"--{name}" if value is None else f"--{name}={value}" for name, value in options.items()
    ]

"""The plan of a stack: everything that is settled before its first process starts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extauth.policy.engine import UNPROVED
from extauth.stack.activation.compilation import compile_for, signer_of, signing_of, verifier_of
from extauth.stack.activation.switching import start
from extauth.stack.demo import demo_keys
from extauth.stack.engines.envoy import find_envoy
from extauth.stack.engines.opa import obtain_opa
from extauth.stack.engines.triton import link_backend, obtain_triton
from extauth.stack.process import commands
from extauth.stack.process.locks import switching
from extauth.stack.process.models import lay_out
from extauth.stack.process.ports import allocate, require_free
from extauth.stack.process.record import StackRecord, birth
from extauth.stack.progress import step
from extauth.stores import require_clients

if TYPE_CHECKING:
    from extauth.compiler import Configuration
    from extauth.snapshot import Snapshot
    from extauth.stack.activation.compilation import StackOptions
    from extauth.stack.demo import Credential
    from extauth.stack.process.child import Command
    from extauth.stack.progress import Progress


@dataclass(frozen=True, slots=True)
class StackPlan:
    """The commands of a stack in their order, its record, and the keys to show.

    Commands of one group start side by side.
    """

    record: StackRecord
    commands: tuple[tuple[Command, ...], ...]
    keys: tuple[Credential, ...]
    configuration: Configuration


def prepare(options: StackOptions, progress: Progress) -> StackPlan:
    """Find the engines, compile and activate the configuration, and lay out the models.

    Blocks, for a minute or more where OPA has to be built. Raises ConfigurationError for a fault of
    an operator's file, StackError for what is missing or in the way.
    """
    state = options.state
    envoy, opa = find_envoy(), obtain_opa(progress)
    previous = StackRecord.load(state)
    ports = allocate((*commands.TRITON_PORTS, "opa"), previous.ports if previous else {})
    with step(progress, f"compiling {options.config.name}"):
        snapshot, configuration = compile_for(options, ports, envoy=envoy, opa=opa)
    settings = snapshot.settings
    if settings.policy.external is not None:
        progress.note(UNPROVED.format(settings.policy.external))
    require_clients(settings)
    require_free(settings.listener.address, settings.listener.port, "--port")
    require_free(settings.admin.address, settings.admin.port, "--admin-port")
    record = _record(options, snapshot, configuration, ports)
    with switching(state):
        start(snapshot, state, signer_of(record.signing, opa))
    keys = demo_keys(state, settings)
    children: list[tuple[Command, ...]] = []
    backend = settings.embedded
    if backend:
        triton, files = obtain_triton(progress)
        link_backend(files, state.triton / "backends")
        lay_out(snapshot, configuration.repositories, state)
        gpu = backend.profile == "gpu"
        children.append((commands.triton(triton, files, record, state, gpu=gpu),))
    verifier = verifier_of(record.signing, opa)
    if commands.own_opa(settings):
        children.append((commands.opa(opa, record, state, verifier),))
    workers = settings.workers
    children.append(
        tuple(
            commands.service(record, state, verifier, worker=worker, workers=workers)
            for worker in range(workers)
        )
    )
    children.append((commands.envoy(envoy, record, state),))
    return StackPlan(record, tuple(children), keys, configuration)


def _record(
    options: StackOptions, snapshot: Snapshot, configuration: Configuration, ports: dict[str, int]
) -> StackRecord:
    settings = snapshot.settings
    return StackRecord(
        pid=os.getpid(),
        born=birth(os.getpid()) or 0,
        phase="starting",
        endpoint=_url(settings.listener.address, settings.listener.port),
        admin=_url(settings.admin.address, settings.admin.port),
        config=str(options.config),
        digest=snapshot.digest,
        ports=ports,
        overrides={
            name: port
            for name, port in (("port", options.port), ("admin_port", options.admin_port))
            if port is not None
        },
        signing=signing_of(configuration),
    )


def _url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"

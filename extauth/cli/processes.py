"""`sluice serve` and `sluice supervise`: the processes that the stack itself starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from extauth.cli.terminal.options import (
    CONFIG,
    STATE_DIR,
    AdminPortOption,
    ConfigOption,
    PortOption,
    StateDirOption,
)

if TYPE_CHECKING:
    from extauth.snapshot.signing import Algorithm

OpaUrlOption = Annotated[str | None, typer.Option("--opa-url", help="The stack's OPA server.")]
OpaOption = Annotated[Path | None, typer.Option("--opa", help="The OPA binary that verifies.")]
KeyOption = Annotated[Path | None, typer.Option("--verification-key", help="Its key.")]
AlgorithmOption = Annotated[str | None, typer.Option("--algorithm", help="Its algorithm.")]
WorkerOption = Annotated[int, typer.Option("--worker", help="Which of the workers it is.")]
EventsOption = Annotated[int, typer.Option("--events", help="A descriptor to tell progress to.")]


def serve(
    *,
    state_dir: StateDirOption = STATE_DIR,
    opa_url: OpaUrlOption = None,
    opa: OpaOption = None,
    verification_key: KeyOption = None,
    algorithm: AlgorithmOption = None,
    worker: WorkerOption = 0,
) -> None:
    """Serve the active snapshot of a state directory until SIGTERM."""
    from extauth.app import serve as serve_until_stopped
    from extauth.snapshot.signing import Verifier
    from extauth.storage.state import StateDir

    verifier = (
        Verifier(opa, verification_key, cast("Algorithm", algorithm))
        if opa and verification_key and algorithm
        else None
    )
    serve_until_stopped(StateDir.at(state_dir), opa_url=opa_url, verifier=verifier, worker=worker)


def supervise(
    *,
    events: EventsOption,
    state_dir: StateDirOption = STATE_DIR,
    config: ConfigOption = CONFIG,
    port: PortOption = None,
    admin_port: AdminPortOption = None,
) -> None:
    """Run a stack, and report the progress of its start to a descriptor."""
    from extauth.stack.activation.compilation import StackOptions
    from extauth.stack.background import supervise as run
    from extauth.storage.state import StateDir

    options = StackOptions(config.resolve(), StateDir.at(state_dir), port, admin_port)
    os.set_inheritable(events, False)
    with os.fdopen(events, "w") as stream:
        run(options, stream, sys.stderr)

"""`sluice supervise`: what `sluice up --detach` leaves running."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from extauth.cli.options import (
    CONFIG,
    STATE_DIR,
    AdminPortOption,
    ConfigOption,
    PortOption,
    StateDirOption,
)

EventsOption = Annotated[int, typer.Option("--events", help="A descriptor to tell progress to.")]


def supervise(
    *,
    events: EventsOption,
    state_dir: StateDirOption = STATE_DIR,
    config: ConfigOption = CONFIG,
    port: PortOption = None,
    admin_port: AdminPortOption = None,
) -> None:
    """Run a stack and tell a descriptor how its start goes."""
    from extauth.stack.activation.compilation import StackOptions
    from extauth.stack.background import supervise as run
    from extauth.storage.state import StateDir

    options = StackOptions(config.resolve(), StateDir.at(state_dir), port, admin_port)
    os.set_inheritable(events, False)
    with os.fdopen(events, "w") as stream:
        run(options, stream, sys.stderr)

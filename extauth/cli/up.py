"""`sluice up`: start the stack, in the foreground or in the background."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from extauth.cli.options import (
    CONFIG,
    STATE_DIR,
    AdminPortOption,
    ConfigOption,
    JsonOption,
    PortOption,
    StateDirOption,
)

if TYPE_CHECKING:
    from extauth.stack.demo import Credential
    from extauth.stack.process.record import StackRecord

DetachOption = Annotated[bool, typer.Option("--detach", help="Return once the stack is ready.")]


def up(
    *,
    detach: DetachOption = False,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
    config: ConfigOption = CONFIG,
    port: PortOption = None,
    admin_port: AdminPortOption = None,
) -> None:
    """Start everything, wait until it answers, and tell how to use it.

    In the foreground Ctrl-C stops it again.
    """
    from extauth.cli.welcome import as_json, as_text
    from extauth.stack.activation.compilation import StackOptions
    from extauth.stack.progress import Silent, Terminal
    from extauth.storage.state import StateDir

    options = StackOptions(config.resolve(), StateDir.at(state_dir), port, admin_port)
    progress = Silent() if json else Terminal(sys.stderr)

    def announce(record: StackRecord, keys: tuple[Credential, ...]) -> None:
        if json:
            typer.echo(as_json(record, keys, options.state))
        else:
            typer.echo(as_text(record, keys, options.state, detached=detach))

    if detach:
        from extauth.stack.background import start_detached

        announce(*start_detached(options, progress))
    else:
        from extauth.stack.run import run

        run(options, progress, announce)

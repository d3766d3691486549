"""`sluice down`: stop the stack of a state directory."""

from __future__ import annotations

import json as encoder

import typer

from extauth.cli.options import STATE_DIR, JsonOption, StateDirOption


def down(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """Stop everything and wait until nothing is left."""
    from extauth.stack.process.stopping import stop
    from extauth.storage.state import StateDir

    state = StateDir.at(state_dir)
    stopped = stop(state)
    if json:
        typer.echo(encoder.dumps({"stopped": stopped, "state_dir": str(state.path)}))
    else:
        typer.echo("stopped" if stopped else f"no stack runs on {state.path}")

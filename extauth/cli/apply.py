"""`sluice apply`: activate a changed configuration or policy in the running stack."""

from __future__ import annotations

import json as encoder
import sys

import typer

from extauth.cli.options import STATE_DIR, JsonOption, StateDirOption


def apply(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """Compile the running stack's configuration again and switch to it, or change nothing."""
    import msgspec

    from extauth.stack.activation.apply import apply as switch
    from extauth.stack.progress import Silent, Terminal
    from extauth.storage.state import StateDir

    progress = Silent() if json else Terminal(sys.stderr)
    now = switch(StateDir.at(state_dir), progress)
    if json:
        typer.echo(encoder.dumps(msgspec.to_builtins(now)))
    else:
        typer.echo(f"{'active' if now.changed else 'unchanged'}: {now.digest} ({now.sequence})")

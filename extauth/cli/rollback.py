"""`sluice rollback`: go back to a snapshot that was active before."""

from __future__ import annotations

import json as encoder
import sys
from typing import Annotated

import typer

from extauth.cli.options import STATE_DIR, JsonOption, StateDirOption

WantedArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[SEQUENCE|DIGEST]",
        help="As `sluice history` lists them; the one active before this one unless given.",
    ),
]


def rollback(
    wanted: WantedArgument = None,
    *,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Activate a former snapshot that is still on disk; the sources stay as they are."""
    import msgspec

    from extauth.stack.activation.rollback import rollback as go_back
    from extauth.stack.progress import Silent, Terminal
    from extauth.storage.state import StateDir

    progress = Silent() if json else Terminal(sys.stderr)
    now = go_back(StateDir.at(state_dir), progress, wanted)
    if json:
        typer.echo(encoder.dumps(msgspec.to_builtins(now)))
    else:
        typer.echo(f"{'active' if now.changed else 'unchanged'}: {now.digest} ({now.sequence})")

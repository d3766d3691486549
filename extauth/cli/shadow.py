"""`sluice shadow`: a candidate is asked beside the live policies, and nobody is answered by it."""

from __future__ import annotations

from typing import Annotated

import typer

from extauth.assurance.findings import Format
from extauth.cli.failure import FAILED
from extauth.cli.options import STATE_DIR, JsonOption, StateDirOption
from extauth.cli.trial import DirectoryArgument, ShareOption, begin, end

app = typer.Typer(
    help="Compare candidate policies with the live ones on live traffic.", no_args_is_help=True
)


@app.command()
def start(
    directory: DirectoryArgument,
    *,
    share: ShareOption = "10%",
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Ask candidate policies what the live ones are asked, on a share of requests."""
    begin("shadow", directory, share, verb="shadowing", json=json, state_dir=state_dir)


@app.command()
def report(
    *,
    to: Annotated[Format, typer.Option("--format", help="How to print it.")] = "text",
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """How the candidate's decisions differ from the live ones, to within a second.

    Exit status: 0 fine, 1 the candidate failed on a request.
    """
    import msgspec

    from extauth.assurance.findings import render
    from extauth.rollout import Mode
    from extauth.rollout.record import Tally
    from extauth.stack.activation.trials import latest, shadow_report
    from extauth.storage.state import StateDir

    record = latest(Mode.SHADOW, state=StateDir.at(state_dir))
    found = shadow_report(record, record.tally or Tally())
    if json:
        typer.echo(msgspec.json.encode(record))
    else:
        typer.echo(render(found, to), nl=False)
    if found.failed:
        raise typer.Exit(FAILED)


@app.command()
def stop(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """End the shadow; its report stays."""
    end("shadow", json=json, state_dir=state_dir)

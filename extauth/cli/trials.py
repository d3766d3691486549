"""`sluice shadow` and `sluice canary`: candidate policies beside the live ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from extauth.assurance.findings import Format
from extauth.cli.terminal.options import FAILED, STATE_DIR, JsonOption, StateDirOption
from extauth.cli.terminal.output import print_json, print_table
from extauth.cli.terminal.values import hundredths

TrialName = Literal["shadow", "canary"]

DirectoryArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The candidate policies.")]
ShareOption = Annotated[
    str, typer.Option("--share", metavar="SHARE", help="Of what: 5% or 0.5%, say.")
]

shadow = typer.Typer(
    help="Compare candidate policies with the live ones on live traffic.", no_args_is_help=True
)
canary = typer.Typer(
    help="Serve a share of principals by candidate policies.", no_args_is_help=True
)

ROWS = {
    "requests": "requests",
    "principals": "principals",
    "served": "served",
    "denied": "denied",
    "too_many": "answered 429",
    "errors": "candidate failed",
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
    "cost": "cost",
    "p50": "own latency p50, ms",
    "p99": "own latency p99, ms",
}


@shadow.command("start")
def start_shadow(
    directory: DirectoryArgument,
    *,
    share: ShareOption = "10%",
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Ask candidate policies what the live ones are asked, on a share of requests."""
    _begin("shadow", directory, share, verb="shadowing", json=json, state_dir=state_dir)


@shadow.command("report")
def report_shadow(
    *,
    to: Annotated[Format, typer.Option("--format", help="How to print it.")] = "text",
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Show the differences of the candidate's decisions from the live ones, to within a second.

    Exit status: 0 fine, 1 the candidate failed on a request.
    """
    import msgspec

    from extauth.assurance.findings import render
    from extauth.rollout import Mode
    from extauth.rollout.record import ShadowTally
    from extauth.stack.activation.trials import latest, shadow_report
    from extauth.storage.state import StateDir

    record = latest(Mode.SHADOW, state=StateDir.at(state_dir))
    found = shadow_report(record, record.tally or ShadowTally())
    if json:
        typer.echo(msgspec.json.encode(record))
    else:
        typer.echo(render(found, to), nl=False)
    if found.failed:
        raise typer.Exit(FAILED)


@shadow.command("stop")
def stop_shadow(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """End the shadow; its report stays."""
    _end("shadow", json=json, state_dir=state_dir)


@canary.command("start")
def start_canary(
    directory: DirectoryArgument,
    *,
    share: ShareOption,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Have candidate policies decide for a share of principals, always the same ones."""
    _begin("canary", directory, share, verb="serving", json=json, state_dir=state_dir)


@canary.command("report")
def report_canary(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """Show the outcomes of both groups, side by side."""
    import msgspec

    from extauth.rollout import Mode
    from extauth.stack.activation.trials import canary_outcomes, latest
    from extauth.storage.state import StateDir

    state = StateDir.at(state_dir)
    record = latest(Mode.CANARY, state=state)
    groups = canary_outcomes(record, state=state)
    if json:
        known = {"trial": record, "groups": groups}
        typer.echo(msgspec.json.encode(known))
        return
    typer.echo(record.headline)
    numbers = {name: msgspec.structs.asdict(group) for name, group in groups.items()}
    scale = {"cost": 1e6, "p50": 1e3, "p99": 1e3}
    print_table(
        ("", *numbers),
        [
            (title, *(_written(group[field], scale.get(field)) for group in numbers.values()))
            for field, title in ROWS.items()
        ],
        numbers=tuple(numbers),
    )


@canary.command("stop")
def stop_canary(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """Have the live policies decide for everybody again; the report stays."""
    _end("canary", json=json, state_dir=state_dir)


def _begin(
    name: TrialName, directory: Path, share: str, *, verb: str, json: bool, state_dir: Path
) -> None:
    """Start a trial, and print its candidate."""
    from extauth.rollout import Mode
    from extauth.stack.activation.trials import start
    from extauth.stack.engines.opa import find_opa
    from extauth.stack.progress import Silent, Terminal
    from extauth.storage.state import StateDir

    candidate = start(
        Mode(name),
        directory,
        hundredths(share),
        state=StateDir.at(state_dir),
        opa=find_opa(),
        progress=Silent() if json else Terminal(sys.stderr),
    )
    if json:
        print_json({"candidate": candidate})
    else:
        typer.echo(f"{verb}: {candidate}")


def _end(name: TrialName, *, json: bool, state_dir: Path) -> None:
    """Stop a trial; its report stays."""
    from extauth.rollout import Mode
    from extauth.stack.activation.trials import stop
    from extauth.storage.state import StateDir

    stop(Mode(name), state=StateDir.at(state_dir))
    if json:
        print_json({"stopped": True})
    else:
        typer.echo("stopped")


def _written(amount: int, scale: float | None) -> str:
    return f"{amount:,}" if scale is None else f"{amount / scale:,.6g}"

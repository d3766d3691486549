"""`sluice canary`: a share of principals is served by candidate policies."""

from __future__ import annotations

import typer

from extauth.cli.options import STATE_DIR, JsonOption, StateDirOption
from extauth.cli.trial import DirectoryArgument, ShareOption, begin, end

app = typer.Typer(help="Serve a share of principals by candidate policies.", no_args_is_help=True)

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


@app.command()
def start(
    directory: DirectoryArgument,
    *,
    share: ShareOption,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Have candidate policies decide for a share of principals, always the same ones."""
    begin("canary", directory, share, verb="serving", json=json, state_dir=state_dir)


@app.command()
def report(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """What became of the requests of both groups, side by side."""
    import msgspec

    from extauth.cli.table import print_table
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


@app.command()
def stop(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """Have the live policies decide for everybody again; the report stays."""
    end("canary", json=json, state_dir=state_dir)


def _written(amount: int, scale: float | None) -> str:
    return f"{amount:,}" if scale is None else f"{amount / scale:,.6g}"

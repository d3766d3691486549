"""`sluice status`: how the stack of a state directory is doing."""

from __future__ import annotations

import json as encoder
from typing import TYPE_CHECKING

import typer

from extauth.cli.options import STATE_DIR, JsonOption, StateDirOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.stack.status import StackStatus

NOT_READY = 1
NOT_RUNNING = 3


def status(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """Tell how each process is doing. Exit status: 0 all ready, 1 not all, 3 nothing runs."""
    import msgspec

    from extauth.stack.status import status as ask
    from extauth.storage.state import StateDir

    state = StateDir.at(state_dir)
    now = ask(state)
    if json:
        known = {"running": now is not None, "state_dir": str(state.path)}
        typer.echo(encoder.dumps(known | (msgspec.to_builtins(now) if now else {})))
    elif now is None:
        typer.echo(f"no stack runs on {state.path}")
    else:
        typer.echo(f"endpoint  {now.endpoint}/v1\nadmin     {now.admin}")
        typer.echo(f"snapshot  {now.digest} ({now.sequence})")
        for line in _trouble(now):
            typer.echo(line)
        if now.trial is not None:
            typer.echo(f"trial     {now.trial.headline}")
        typer.echo(f"\n{'process':<10}{'pid':>8}{'uptime':>12}{'restarts':>10}  ready")
        for name, one in now.processes.items():
            answer = "yes" if one.ready else "no"
            typer.echo(f"{name:<10}{one.pid:>8}{one.uptime:>10.0f} s{one.restarts:>10}  {answer}")
    if now is None:
        raise typer.Exit(NOT_RUNNING)
    if not now.ready:
        raise typer.Exit(NOT_READY)


def _trouble(now: StackStatus) -> Iterator[str]:
    from extauth.cli.times import written

    if now.refused is not None:
        yield f"refused   {written(now.refused.time)} {now.refused.how}: {now.refused.reason}"
    pull = now.following.pull
    if pull is not None:
        yield f"pull      {written(pull.time)} {pull.url}: {pull.error or 'ok'}"
    if now.following.watch:
        yield "watch     the configuration and its policies"

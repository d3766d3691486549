"""What `sluice shadow` and `sluice canary` have in common: how they start, and how they stop."""

from __future__ import annotations

import json as encoder
import re
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

Name = Literal["shadow", "canary"]

_HUNDREDTHS = 100
_MOST = 10_000


def hundredths(text: str) -> int:
    """`10%` or `0.5%` in hundredths of a percent."""
    match = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,2}))?\s?%", text)
    amount = int(match[1]) * _HUNDREDTHS + int((match[2] or "0").ljust(2, "0")) if match else 0
    if not 0 < amount <= _MOST:
        raise typer.BadParameter(f"{text} is not a share like 5%, from 0.01% to 100%")
    return amount


def begin(
    name: Name, directory: Path, share: str, *, verb: str, json: bool, state_dir: Path
) -> None:
    """Start a trial, and tell its candidate."""
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
    typer.echo(encoder.dumps({"candidate": candidate}) if json else f"{verb}: {candidate}")


def end(name: Name, *, json: bool, state_dir: Path) -> None:
    """Stop a trial; its report stays."""
    from extauth.rollout import Mode
    from extauth.stack.activation.trials import stop
    from extauth.storage.state import StateDir

    stop(Mode(name), state=StateDir.at(state_dir))
    typer.echo(encoder.dumps({"stopped": True}) if json else "stopped")


DirectoryArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The candidate policies.")]
ShareOption = Annotated[
    str, typer.Option("--share", metavar="SHARE", help="Of what: 5% or 0.5%, say.")
]

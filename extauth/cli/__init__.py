"""The command `sluice`. Commands import what they need when they are called.

Exit status: 0 done, 1 it failed, 2 the command line or an operator's file is wrong.
"""

from __future__ import annotations

import typer

from extauth.cli.terminal.commands import Commands, version

app = typer.Typer(
    name="sluice",
    help="A policy-as-code gateway for AI models.",
    cls=Commands,
    callback=version,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

__all__ = ["app"]

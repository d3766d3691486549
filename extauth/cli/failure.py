"""What a failing command leaves behind: one readable line and an exit status, no traceback."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from extauth.errors import ConfigurationError, SluiceError

FAILED = 1
MISCONFIGURED = 2


class Commands(TyperGroup):
    """All commands. Every SluiceError becomes a line on stderr and an exit status."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was called."""
        try:
            return super().invoke(ctx)
        except SluiceError as error:
            typer.echo(f"sluice: {error.message}", err=True)
            wrong = isinstance(error, ConfigurationError)
            raise typer.Exit(MISCONFIGURED if wrong else FAILED) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed

        typer.echo(f"sluice {installed('sluicegate')}")
        raise typer.Exit


def version(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """A policy-as-code gateway for AI models."""

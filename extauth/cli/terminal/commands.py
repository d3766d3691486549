"""The table of all commands: each is loaded when it is called, and fails in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from extauth.cli.terminal.options import FAILED, MISCONFIGURED
from extauth.errors import ConfigurationError, SluiceError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

COMMANDS = {
    "up": "extauth.cli.stack:up",
    "down": "extauth.cli.stack:down",
    "status": "extauth.cli.stack:status",
    "apply": "extauth.cli.snapshots:apply",
    "diff": "extauth.cli.snapshots:diff",
    "history": "extauth.cli.snapshots:history",
    "rollback": "extauth.cli.snapshots:rollback",
    "keys": "extauth.cli.keys:app",
    "usage": "extauth.cli.usage:app",
    "limits": "extauth.cli.limits:app",
    "audit": "extauth.cli.audit:app",
    "privacy": "extauth.cli.privacy:app",
    "check": "extauth.cli.policies:check",
    "test": "extauth.cli.policies:test",
    "replay": "extauth.cli.replay:replay",
    "explain": "extauth.cli.explain:explain",
    "shadow": "extauth.cli.trials:shadow",
    "canary": "extauth.cli.trials:canary",
    "webhook": "extauth.cli.webhook:app",
    "init": "extauth.cli.policies:init",
    "doctor": "extauth.cli.engines:doctor",
    "engines": "extauth.cli.engines:engines",
}
"""The function or group of each command, in the order of the help."""

HIDDEN = {
    "serve": "extauth.cli.processes:serve",
    "supervise": "extauth.cli.processes:supervise",
}
"""Commands that only the stack calls."""


class Commands(TyperGroup):
    """The commands of `sluice`. Every SluiceError becomes a line on stderr and an exit status."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # The table is complete: nothing adds to it.
        self.commands = cast("MutableMapping[str, Any]", _Loaded(COMMANDS | HIDDEN))

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands that the help shows."""
        return list(COMMANDS)

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


class _Loaded(Mapping[str, Any]):
    """Commands by name, each made when it is asked for: to make all of them takes 0.2 s."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = self._table[name].partition(":")
        command = getattr(import_module(module), attribute)
        if isinstance(command, typer.Typer):
            return get_group(command)
        alone = typer.Typer(add_completion=False)
        alone.command(name)(command)
        return get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)


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

"""All commands: each is loaded when it is called, and its failure is one line without traceback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from extauth.cli.failure import FAILED, MISCONFIGURED
from extauth.errors import ConfigurationError, SluiceError

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

NAMES = (
    *("up", "down", "status", "apply", "diff", "history", "rollback"),
    *("keys", "usage", "limits", "audit", "privacy"),
    *("check", "test", "replay", "explain"),
    *("shadow", "canary", "webhook", "init", "doctor", "engines"),
)
"""In the order of the help. `extauth.cli.NAME` has a function of that name, or `app`, a group."""

HIDDEN = ("serve", "supervise")
"""Those that only the stack calls."""


class Commands(TyperGroup):
    """The commands of `sluice`. Every SluiceError becomes a line on stderr and an exit status."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Nobody adds to them.
        self.commands = cast("MutableMapping[str, Any]", _Loaded((*NAMES, *HIDDEN)))

    def list_commands(self, ctx: Any) -> list[str]:
        """Those that are shown."""
        return list(NAMES)

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

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        module = import_module(f"extauth.cli.{name}")
        if (group := getattr(module, "app", None)) is not None:
            return get_group(group)
        alone = typer.Typer(add_completion=False)
        alone.command(name)(getattr(module, name))
        return get_command(alone)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


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

"""`sluice init`, `check` and `test`: a policy repository before it ships."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extauth.cli.terminal.options import FAILED, FormatOption, PoliciesArgument

if TYPE_CHECKING:
    from extauth.assurance.findings import Format


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new directory, or an empty one.")
    ],
) -> None:
    """Make a policy repository: the shipped rules, data and cases, a catalogue, and CI."""
    from extauth.assurance.authoring import make_repository

    make_repository(directory)
    typer.echo(f"made {directory}; try: sluice check {directory}")


def check(
    directory: PoliciesArgument = Path(),
    *,
    to: FormatOption = "text",
    coverage: Annotated[
        float,
        typer.Option(min=0, max=100, help="The percentage of lines that unit tests must reach."),
    ] = 100.0,
) -> None:
    """Check policies, their data, tests and cases, and the configuration beside them.

    Needs no running stack. DIR holds policies, or a gateway.yaml that names them. Exit status: 0
    nothing is wrong, 1 there are findings, 2 the directory is missing or holds no policies.
    """
    from extauth.assurance.checks import run_checks
    from extauth.assurance.findings import render
    from extauth.errors import StackError
    from extauth.stack.engines.envoy import find_envoy
    from extauth.stack.engines.opa import obtain_opa
    from extauth.stack.progress import Terminal

    try:
        envoy = find_envoy().path
    except StackError:
        envoy = None
    regal = shutil.which("regal")
    report = run_checks(
        directory,
        opa=obtain_opa(Terminal(sys.stderr)).path,
        envoy=envoy,
        regal=Path(regal) if regal else None,
        coverage=coverage,
    )
    typer.echo(render(report, to), nl=False)
    if report.failed:
        raise typer.Exit(FAILED)


def test(
    directory: PoliciesArgument = Path(),
    *,
    only: Annotated[
        str | None,
        typer.Option("--run", metavar="REGEX", help="Only tests and cases whose names match this."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Run again whenever a file changes, until Ctrl-C.")
    ] = False,
    to: FormatOption = "text",
    coverage: Annotated[
        float | None,
        typer.Option(min=0, max=100, help="Fail when unit tests reach less of the lines, in %."),
    ] = None,
    mutate: Annotated[
        bool,
        typer.Option("--mutate", help="Change the rules step by step: would the tests notice?"),
    ] = False,
) -> None:
    """Run the unit tests and the decision cases of policies, and measure their coverage.

    Needs no running stack. Exit status: 0 all pass, 1 some don't, 2 the directory is missing
    or holds no policies, 130 --watch was ended.
    """
    from extauth.stack.engines.opa import obtain_opa
    from extauth.stack.progress import Terminal

    opa = obtain_opa(Terminal(sys.stderr)).path
    if mutate:
        if watch or only is not None or coverage is not None:
            raise typer.BadParameter("goes with --format alone", param_hint="--mutate")
        _mutate(directory, opa, to)
    elif watch:
        _watch(directory, opa, only, to, coverage)
    elif not _run(directory, opa, only, to, coverage):
        raise typer.Exit(FAILED)


def _run(directory: Path, opa: Path, only: str | None, to: Format, coverage: float | None) -> bool:
    """Run once and print the report. Returns whether it passed."""
    from extauth.assurance.checks.suite import run_suite
    from extauth.assurance.findings import render

    report = run_suite(directory, opa=opa, only=only, coverage=coverage)
    typer.echo(render(report, to), nl=False)
    return not report.failed


def _mutate(directory: Path, opa: Path, to: Format) -> None:
    """Test the tests, with a bar on stderr when that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from extauth.assurance.findings import render
    from extauth.assurance.mutation import mutate
    from extauth.compiler.repository import Repository

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("mutants", total=None)
        report = mutate(
            Repository.find(directory),
            opa,
            lambda done, total: progress.update(bar, completed=done, total=total),
        )
    typer.echo(render(report, to), nl=False)
    if report.failed:
        raise typer.Exit(FAILED)


def _watch(
    directory: Path, opa: Path, only: str | None, to: Format, coverage: float | None
) -> None:
    """Run after every change, also after a failure: the next one may repair it."""
    from extauth.assurance.checks.watch import watch
    from extauth.errors import ConfigurationError

    if not directory.is_dir():
        raise ConfigurationError("no such directory", file=directory)

    def again() -> None:
        try:
            _run(directory, opa, only, to, coverage)
        except ConfigurationError as error:
            typer.echo(f"sluice: {error.message}", err=True)
        typer.echo("waiting for a change; Ctrl-C ends it", err=True)

    watch(directory, again)

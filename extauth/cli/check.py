"""`sluice check`: everything that can be said about policies without traffic."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from extauth.cli.failure import FAILED
from extauth.cli.options import FormatOption, PoliciesArgument


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
    nothing is wrong, 1 there are findings, 2 there is no such directory or no policies in it.
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

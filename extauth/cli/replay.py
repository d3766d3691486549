"""`sluice replay`: what a candidate would have decided on recorded requests."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extauth.assurance.findings import FORMATS, Format
from extauth.cli.terminal.options import FAILED, STATE_DIR, StateDirOption
from extauth.cli.terminal.values import moment
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def replay(
    candidate: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CANDIDATE_DIR]", help="The candidate's policies; the current directory's."
        ),
    ] = None,
    *,
    base: Annotated[
        str | None,
        typer.Option(metavar="REF", help="A commit to compare with, not what was recorded."),
    ] = None,
    head: Annotated[
        str | None, typer.Option(metavar="REF", help="A commit to take the candidate from.")
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option(help="An exported file, gzip or not, or an audit.db; the state directory's."),
    ] = None,
    since: Annotated[
        float | None, typer.Option(parser=moment, metavar="TIME", help="From this moment on.")
    ] = None,
    until: Annotated[
        float | None, typer.Option(parser=moment, metavar="TIME", help="Before this moment.")
    ] = None,
    sample: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The share of requests to look at.")
    ] = 1.0,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(metavar="EXPRESSION", help="Fail when it holds: 'new_denies > 0.1%'."),
    ] = None,
    to: Annotated[Format, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "text",
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Ask a candidate's policies about recorded requests, and report what it decides otherwise.

    Exit status: 0 done, 1 an expression of --fail-on holds, 2 a file or the command line is wrong.
    """
    from extauth.assurance.findings import render
    from extauth.assurance.replay.build import from_directory, from_revision
    from extauth.assurance.replay.replay import Comparison
    from extauth.assurance.replay.replay import replay as run
    from extauth.assurance.replay.report import document, report
    from extauth.assurance.replay.threshold import FailThreshold
    from extauth.assurance.replay.trace import open_trace
    from extauth.settings import StoreSettings
    from extauth.stack.activation.active import active_catalog
    from extauth.stack.engines.opa import obtain_opa
    from extauth.stack.progress import Terminal
    from extauth.storage.state import StateDir
    from extauth.stores import audit_store

    if candidate is not None and head is not None:
        raise ConfigurationError("name the candidate by CANDIDATE_DIR or by --head, not by both")
    thresholds = [FailThreshold.parse(expression) for expression in fail_on or ()]
    state = StateDir.at(state_dir)
    store = StoreSettings() if records else audit_store(state)
    trace = open_trace(records or state.audit_db, since, until, store)
    opa = obtain_opa(Terminal(sys.stderr)).path
    with tempfile.TemporaryDirectory(prefix="sluice-") as temporary:
        work = Path(temporary)
        comparison = Comparison(
            candidate=from_revision(head, work / "head", opa)
            if head
            else from_directory(candidate or Path(), work / "head", opa),
            base=from_revision(base, work / "base", opa) if base else None,
            catalog=None if records else active_catalog(state),
            since=since,
            until=until,
            sample=sample,
        )
        kept = records.with_name(f"{records.name}.resume") if records else state.replay_progress
        try:
            with _progress() as watch:
                figures = run(comparison, trace, resume=kept, watch=watch)
        except KeyboardInterrupt:
            typer.echo(f"sluice: interrupted; the same command goes on from {kept}", err=True)
            raise
    made = report(comparison, figures, thresholds)
    text = document(comparison, figures, made) if to == "json" else render(made, to)
    typer.echo(text, nl=False)
    if made.failed:
        raise typer.Exit(FAILED)


@contextmanager
def _progress() -> Iterator[Callable[[int, float], None]]:
    """Show the progress on a terminal, in a line that goes away."""
    if not sys.stderr.isatty():
        yield lambda _records, _share: None
        return

    def tell(records: int, share: float) -> None:
        typer.echo(f"\r\x1b[K{records:,} records, {share:.0%}", nl=False, err=True)

    try:
        yield tell
    finally:
        typer.echo("\r\x1b[K", nl=False, err=True)

"""`sluice explain`: why a request was decided as it was, and what would change that."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from extauth.cli.terminal.options import STATE_DIR, StateDirOption

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from extauth.assurance.explanation import Explanation
    from extauth.assurance.explanation.policies import Policies
    from extauth.assurance.explanation.subject import Subject


class ExplainFormat(StrEnum):
    """The formats that an explanation is printed in."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def explain(
    request_id: Annotated[
        str | None, typer.Argument(help="The x-request-id of an answer.", show_default=False)
    ] = None,
    *,
    given: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="Facts or an audit record as JSON instead; - for standard input.",
        ),
    ] = None,
    policies: Annotated[
        Path | None,
        typer.Option(
            "--policies",
            metavar="DIR",
            help="Explain with the policies here instead of those that decided.",
        ),
    ] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option("--what-if", metavar="PATH=VALUE", help="Decide again with another fact."),
    ] = None,
    to: Annotated[
        ExplainFormat, typer.Option("--format", help="How to print the explanation.")
    ] = ExplainFormat.TEXT,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Tell which rules decided on a request, which nearly did, and what would flip the decision."""
    from extauth.assurance.explanation import Explainer, subject
    from extauth.stack.engines.opa import obtain_opa
    from extauth.stack.progress import Terminal
    from extauth.storage.state import StateDir
    from extauth.stores import open_stores

    if (request_id is None) is (given is None):
        raise typer.BadParameter("name either a request id or a file with --input")
    state = StateDir.at(state_dir)
    if given:
        asked = subject.of_file(given)
    else:
        with open_stores(state) as stores:
            asked = subject.of_request(stores.audit(), request_id or "")
    opa = obtain_opa(Terminal(sys.stderr)).path
    with _policies(asked, policies, state.snapshots, opa, of_request=given is None) as found:
        explanation = Explainer(found, opa).explain(asked, what_if or ())
    typer.echo(_renderer(to)(explanation), nl=False)


def _policies(
    asked: Subject, directory: Path | None, snapshots: Path, opa: Path, *, of_request: bool
) -> AbstractContextManager[Policies]:
    from extauth.assurance.explanation.policies import of_repository, of_snapshot

    if directory is None and of_request and asked.record is not None:
        return of_snapshot(snapshots, asked.record.snapshot)
    return of_repository(directory or Path(), opa)


def _renderer(to: ExplainFormat) -> Callable[[Explanation], str]:
    from extauth.assurance.explanation import markdown, text
    from extauth.assurance.explanation.explained import as_json

    return {
        ExplainFormat.TEXT: text.render,
        ExplainFormat.JSON: as_json,
        ExplainFormat.MARKDOWN: markdown.render,
    }[to]

"""`sluice usage`: what was used, and what it cost."""

from __future__ import annotations

import json as encoder
from enum import StrEnum
from typing import Annotated

import typer

from extauth.cli.options import STATE_DIR, JsonOption, StateDirOption
from extauth.cli.times import day

app = typer.Typer(help="Report what was used.")


class Column(StrEnum):
    """What usage can be grouped by."""

    DAY = "day"
    TENANT = "tenant"
    PRINCIPAL = "principal"
    MODEL = "model"
    VERSION = "version"


BY = [Column.TENANT, Column.PRINCIPAL, Column.MODEL]
NUMBERS = ("requests", "prompt tokens", "completion tokens", "unsettled", "cost")


@app.callback(invoke_without_command=True)
def usage(
    *,
    by: Annotated[list[Column], typer.Option(help="Group by it; may be given again.")] = BY,
    since: Annotated[
        str | None, typer.Option(parser=day, metavar="DAY", help="From this UTC day on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(parser=day, metavar="DAY", help="Up to this UTC day.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    principal: Annotated[str | None, typer.Option(help="Only TENANT/NAME's.")] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Requests and tokens that were settled, at the prices of the active configuration.

    `unsettled` are requests that a killed gateway had not settled: their tokens are not known.
    """
    import msgspec

    from extauth.cli.active import active_settings
    from extauth.ledger.reports import Selection, report
    from extauth.state import StateDir

    models = active_settings(state_dir).models
    rows = report(
        StateDir.at(state_dir).ledger_db,
        by=by,
        selection=Selection(since, until, tenant, principal, model),
        prices={name: settings.price for name, settings in models.items()},
    )
    if json:
        typer.echo(encoder.dumps({"usage": [msgspec.to_builtins(row) for row in rows]}))
        return
    from extauth.cli.table import print_table

    print_table(
        (*(column.value for column in by), *NUMBERS),
        [
            (
                *row.group.values(),
                f"{row.requests:,}",
                f"{row.prompt_tokens:,}",
                f"{row.completion_tokens:,}",
                f"{row.unsettled:,}",
                f"{row.cost / 1e6:,.6f}",
            )
            for row in rows
        ],
        numbers=NUMBERS,
    )

"""`sluice usage`: what was used, what it cost, and what the month will."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from extauth.cli.terminal.options import STATE_DIR, JsonOption, StateDirOption
from extauth.cli.terminal.output import print_json, print_table
from extauth.cli.terminal.values import day

if TYPE_CHECKING:
    from extauth.ledger.reports import UsageRow
    from extauth.usage import Forecast, UsageReport

app = typer.Typer(help="Report what was used.")


USED = ("requests", "prompt tokens", "completion tokens", "cost", "compute seconds", "unsettled")
FORECAST = ("cost to date", "forecast", "budget", "of budget", "tokens to date", "tokens forecast")


@app.callback(invoke_without_command=True)
def usage(
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN,…",
            help="Of day, tenant, team, principal, model, version; tenant,principal,model if none.",
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(parser=day, metavar="DAY", help="From this UTC day on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(parser=day, metavar="DAY", help="Up to this UTC day.")
    ] = None,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="The month that begins in this one.")
    ] = None,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="The month to date, and at its end, by tenant.")
    ] = False,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    team: Annotated[str | None, typer.Option(help="Only this team's.")] = None,
    principal: Annotated[str | None, typer.Option(help="Only TENANT/NAME's.")] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print a sheet with a header.")] = False,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Report what was settled, at the prices of the time.

    `unsettled` are requests that a killed gateway had not settled: they count as what was known.
    """
    from extauth.stack.activation.active import active_settings
    from extauth.storage.state import StateDir
    from extauth.usage import LineSource, UsageQuery, usage_report

    if csv and json:
        raise typer.BadParameter("--csv or --json, not both")
    query = UsageQuery(
        by=tuple(column for listed in by or () for column in listed.split(",")),
        since=since,
        until=until,
        month=month,
        forecast=forecast,
        tenant=tenant,
        team=team,
        principal=principal,
        model=model,
    )
    state = StateDir.at(state_dir)
    source = LineSource(active_settings(state).ledger, state.ledger_db)
    found = usage_report(query, source, state.active, time.time())
    if json:
        print_json(found.document())
    elif csv:
        typer.echo(found.csv().encode(), nl=False)
    else:
        _print(found)


def _print(report: UsageReport) -> None:
    from extauth.usage import Forecast

    numbers = FORECAST if report.forecast else USED
    print_table(
        (*report.by, *numbers),
        [
            (*row.group.values(), *(_ahead(row) if isinstance(row, Forecast) else _used(row)))
            for row in report.rows
        ],
        numbers=numbers,
    )


def _used(row: UsageRow) -> tuple[str, ...]:
    return (
        f"{row.requests:,}",
        f"{row.prompt_tokens:,}",
        f"{row.completion_tokens:,}",
        _money(row.cost),
        f"{row.compute_seconds:,.3f}",
        f"{row.unsettled:,}",
    )


def _ahead(row: Forecast) -> tuple[str, ...]:
    return (
        _money(row.cost),
        _money(row.forecast_cost),
        "" if row.budget is None else _money(row.budget),
        f"{row.forecast_cost / row.budget:.0%}" if row.budget else "",
        f"{row.tokens:,}",
        f"{row.forecast_tokens:,}",
    )


def _money(cost: int) -> str:
    return f"{cost / 1e6:,.6f}"

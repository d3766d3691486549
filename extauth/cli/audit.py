"""`sluice audit`: what became of requests, and what operators changed by hand."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from extauth.cli.terminal.options import FAILED, STATE_DIR, JsonOption, StateDirOption
from extauth.cli.terminal.output import print_json, print_table, written
from extauth.cli.terminal.values import moment
from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from extauth.audit import AuditRecord
    from extauth.audit.chain import Head
    from extauth.audit.log import AuditLog

app = typer.Typer(help="Read the audit log.", no_args_is_help=True)

LOOK_AGAIN = 0.5


@app.command()
def tail(
    *,
    limit: Annotated[int, typer.Option(min=0, help="How many of the newest.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Print the newest records."""
    from extauth.audit.store import AuditStore

    with _opened(state_dir) as log:
        store = AuditStore(log)
        records = (
            store.follow(limit, lambda: time.sleep(LOOK_AGAIN)) if follow else store.last(limit)
        )
        for record in records:
            typer.echo(_json(record) if json else _line(record))


@app.command()
def show(
    request_id: Annotated[str, typer.Argument(help="The x-request-id of an answer.")],
    *,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Print everything that is known of a request."""
    import msgspec

    from extauth.audit.store import AuditStore

    with _opened(state_dir) as log:
        records = AuditStore(log).show(request_id)
    if not records:
        raise StackError(f"no record of request {request_id}")
    if json:
        print_json({"records": records})
        return
    for record in records:
        typer.echo(msgspec.json.format(_json(record), indent=2))


@app.command()
def export(
    *,
    since: Annotated[
        float | None, typer.Option(parser=moment, metavar="TIME", help="From this moment on.")
    ] = None,
    until: Annotated[
        float | None, typer.Option(parser=moment, metavar="TIME", help="Before this moment.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    actions: Annotated[
        bool, typer.Option("--actions", help="What operators changed, not requests.")
    ] = False,
    chain: Annotated[
        bool, typer.Option("--chain", help="Both, with what `sluice audit verify` needs.")
    ] = False,
    after: Annotated[
        str | None, typer.Option(metavar="HEAD", help="With --chain: what came after this head.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="A file that only you can read, instead of stdout.")
    ] = None,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Write records as JSON lines (schemas/audit.schema.json, schemas/action.schema.json)."""
    from extauth.audit.action import export_actions
    from extauth.audit.store import AuditStore
    from extauth.audit.verification import export_chain

    if chain and (actions or (since, until, tenant) != (None, None, None)):
        raise typer.BadParameter("--chain has no gaps: it takes --after alone")
    if after is not None and not chain:
        raise typer.BadParameter("--after goes with --chain")
    if actions and tenant is not None:
        raise typer.BadParameter("--actions are of no tenant")
    with _opened(state_dir) as log:
        if chain:
            lines = export_chain(log, _head(after))
        elif actions:
            lines = export_actions(log, since=since, until=until)
        else:
            lines = AuditStore(log).export(since=since, until=until, tenant=tenant)
        _write(lines, output)


@app.command("actions")
def show_actions(
    *,
    since: Annotated[
        float | None, typer.Option(parser=moment, metavar="TIME", help="From this moment on.")
    ] = None,
    until: Annotated[
        float | None, typer.Option(parser=moment, metavar="TIME", help="Before this moment.")
    ] = None,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Print what operators changed by hand: who, when, what, before and after."""

    from extauth.audit.action import actions

    with _opened(state_dir) as log:
        found = list(actions(log, since=since, until=until))
    if json:
        print_json({"actions": found})
        return
    print_table(
        ("time", "user", "by", "what", "to", "details", "used before", "after"),
        [
            (
                written(each.time),
                each.user or "",
                each.credential,
                each.kind,
                each.subject,
                " ".join(f"{name}={value}" for name, value in each.details.items() if value),
                _standing(each.before),
                "not completed" if each.after is None else _standing(each.after),
            )
            for each in found
        ],
    )


@app.command()
def verify(
    exported: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="What `export --chain` wrote.")
    ] = None,
    *,
    head: Annotated[
        str | None,
        typer.Option(metavar="HEAD", help="One that was printed before and noted elsewhere."),
    ] = None,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Prove that nothing was changed, removed or put in since; exit status 1 when that fails."""

    from extauth.audit.verification import verify, verify_exported

    noted = _head(head)
    if exported is not None:
        found = verify_exported(exported, noted)
    else:
        with _opened(state_dir) as log:
            found = verify(log, noted)
    if json:
        print_json(found)
    else:
        for problem in found.problems:
            typer.echo(
                f"place {'-' if problem.place is None else problem.place}: {problem.message}"
            )
        if found.more_problems:
            typer.echo(f"and {found.more_problems:,} more")
        typer.echo(
            f"{'ok' if found.valid else 'BROKEN'}: {found.records:,} records and "
            f"{found.actions:,} actions, {found.erased:,} rewritten by erasures"
        )
        typer.echo(f"head {found.head}")
    if not found.valid:
        raise typer.Exit(FAILED)


@contextmanager
def _opened(state_dir: Path) -> Iterator[AuditLog]:
    from extauth.storage.state import StateDir
    from extauth.stores import open_stores

    with open_stores(StateDir.at(state_dir)) as stores:
        yield stores.audit()


def _head(text: str | None) -> Head | None:
    from extauth.audit.chain import Head

    if text is None:
        return None
    head = Head.parse(text)
    if head is None:
        raise typer.BadParameter(
            f"{text} is not a head like 12:9f3c…, as `sluice audit verify` prints"
        )
    return head


def _standing(counters: list[dict[str, Any]]) -> str:
    """Write the use of each counter; of an erasure, the changes in each store."""
    return ", ".join(
        f"{each['used']:,} {each['unit']}"
        if "used" in each
        else f"{each['store']}: {each['rewritten'] + each['deleted']:,}"
        for each in counters
    )


def _write(lines: Iterable[bytes], output: Path | None) -> None:
    from extauth.audit.store import write_lines

    if output is None:
        for line in lines:
            typer.echo(line.decode())
    else:
        typer.echo(f"{write_lines(output, lines)} records written to {output}", err=True)


def _json(record: AuditRecord) -> str:
    import msgspec

    return msgspec.json.encode(record).decode()


def _line(record: AuditRecord) -> str:
    principal = record.principal.id if record.principal else "-"
    model = f"{record.route.model}@{record.route.version}" if record.route else "-"
    tokens = f"{record.usage.total_tokens} tokens" if record.usage else ""
    reason = ", ".join(record.rules) or record.error or ""
    if record.more:
        reason += f" (and {record.more} more before it)"
    return (
        f"{written(record.time)}  {record.outcome:<12}  {record.status}  {principal:<24}  "
        f"{model:<16}  {record.request_id}  {reason or tokens}"
    ).rstrip()

"""`sluice privacy`: what a person may ask of whoever runs a gateway."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from extauth.cli.terminal.options import STATE_DIR, JsonOption, StateDirOption
from extauth.cli.terminal.output import print_json, print_table
from extauth.cli.terminal.values import current_user

if TYPE_CHECKING:
    from extauth.erasure import Erased, Person

app = typer.Typer(help="Erase a person.", no_args_is_help=True)


@app.command()
def erase(
    *,
    subject: Annotated[
        str,
        typer.Option(
            metavar="TENANT/NAME",
            help="A key's name, a token's subject, or a value of the attribute `user`.",
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell which principals that is.")
    ] = False,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Remove a person's identifiers from every store, on the record; sums stay as they are."""
    from extauth.erasure import erase, find
    from extauth.stack.renaming import renaming
    from extauth.storage.state import StateDir
    from extauth.stores import open_stores

    state = StateDir.at(state_dir)
    with open_stores(state) as stores:
        keys, log = stores.keys(), stores.audit()
        person = find(subject, keys, log)
        if dry_run:
            _print_person(person, json=json)
            return
        erased = erase(
            person, state, keys, log, renaming(state), user=current_user(), clock=time.time
        )
    _print(person, erased, json=json)


def _print_person(person: Person, *, json: bool) -> None:
    if json:
        principals = [f"{person.tenant}/{name}" for name in person.principals]
        print_json({"principals": principals, "users": person.users})
        return
    for name in person.principals:
        typer.echo(f"{person.tenant}/{name}")


def _print(person: Person, erased: Erased, *, json: bool) -> None:

    if json:
        print_json(erased._asdict())
        return
    print_table(
        ("store", "rewritten", "deleted"),
        [(each.store, f"{each.rewritten:,}", f"{each.deleted:,}") for each in erased.stores],
        numbers=("rewritten", "deleted"),
    )
    typer.echo(f"on record as action {erased.action}, of {erased.pseudonym}")
    if erased.running:
        typer.echo(
            f"{erased.running} requests still run under the old name: run this again when they "
            "have ended",
            err=True,
        )
    for file in erased.configured:
        typer.echo(
            f"{file}: names the person by your configuration: change that and apply it", err=True
        )

"""`sluice keys`: make, list, rotate and revoke API keys; a running gateway follows at once."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from extauth.cli.terminal.options import STATE_DIR, JsonOption, StateDirOption
from extauth.cli.terminal.output import print_json, print_table, written
from extauth.cli.terminal.values import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.identity import ApiKey, KeyStore
    from extauth.types import Consent

app = typer.Typer(help="Make, list, rotate and revoke API keys.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(metavar="ID", help="A key's id, or TENANT/NAME.")]
ConsentOption = Annotated[
    list[str] | None,
    typer.Option(metavar="PURPOSE", help="What the person agrees to; may be given again."),
]
ConsentUntilOption = Annotated[
    str | None, typer.Option(metavar="DAY", help="The last day of it, as in 2027-01-31.")
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Unique among the tenant's working keys.")],
    *,
    tenant: Annotated[str, typer.Option(help="Whose key it is.")],
    tier: Annotated[str, typer.Option(help="What policies call the tenant's plan.")],
    role: Annotated[list[str] | None, typer.Option(help="A role; may be given again.")] = None,
    region: Annotated[str | None, typer.Option(help="Where the caller is at home.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="May be given again.")
    ] = None,
    consent: ConsentOption = None,
    consent_until: ConsentUntilOption = None,
    retention: Annotated[
        str | None, typer.Option(help="The class of how long its records may be kept.")
    ] = None,
    expires: Annotated[
        float | None, typer.Option(parser=seconds, metavar="DURATION", help="After 30d, say.")
    ] = None,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Make a key and print it, this once."""
    pairs = dict(_pair(text) for text in attribute or ())
    with _opened(state_dir) as store:
        record, key = store.create(
            name=name,
            tenant=tenant,
            tier=tier,
            roles=role or (),
            region=region,
            attributes=pairs,
            consent=_consent(consent, consent_until),
            retention=retention,
            lifetime=expires,
            now=time.time(),
        )
    _print_new(record, key, json=json)


@app.command("list")
def list_keys(
    *,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """List keys, also those that no longer work."""
    with _opened(state_dir) as store:
        keys = store.list(tenant=tenant)
    _print(keys, json=json)


@app.command()
def rotate(
    key: Reference,
    *,
    grace: Annotated[
        float | None,
        typer.Option(
            parser=seconds,
            metavar="DURATION",
            help="How long the old key still works; identity.rotation_grace unless given.",
        ),
    ] = None,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Put a new key in the place of one, and print it, this once."""
    if grace is None:
        from extauth.stack.activation.active import active_settings
        from extauth.storage.state import StateDir

        grace = active_settings(StateDir.at(state_dir)).identity.rotation_grace
    with _opened(state_dir) as store:
        record, plaintext = store.rotate(key, grace=grace, now=time.time())
    _print_new(record, plaintext, json=json)


@app.command()
def revoke(
    key: Reference, *, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR
) -> None:
    """End a key at once, or all keys of TENANT/NAME."""
    with _opened(state_dir) as store:
        revoked = store.revoke(key, now=time.time())
    _print(revoked, json=json)


@app.command("consent")
def set_consent(
    key: Reference,
    *,
    consent: ConsentOption = None,
    consent_until: ConsentUntilOption = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="To nothing any more.")] = False,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Note what the person behind a key agrees to from now on; their next request follows it."""
    from extauth.types import Consent

    if withdraw == bool(consent):
        raise typer.BadParameter("give --consent, or --withdraw")
    with _opened(state_dir) as store:
        keys = store.consent(key, _consent(consent, consent_until) or Consent(()))
    _print(keys, json=json)


def _consent(purposes: list[str] | None, until: str | None) -> Consent | None:
    from extauth.types import Consent

    if not purposes:
        if until is not None:
            raise typer.BadParameter("--consent-until goes with --consent")
        return None
    return Consent(tuple(dict.fromkeys(purposes)), until)


@contextmanager
def _opened(state_dir: Path) -> Iterator[KeyStore]:
    from extauth.storage.state import StateDir
    from extauth.stores import open_stores

    with open_stores(StateDir.at(state_dir)) as stores:
        yield stores.keys()


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{text} is not NAME=VALUE")
    return name, value


def _plain(key: ApiKey) -> dict[str, object]:
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(key)
    return plain | {"works": key.works(time.time())}


def _print_new(record: ApiKey, key: str, *, json: bool) -> None:
    if json:
        print_json({"key": key, "record": _plain(record)})
        return
    typer.echo(key)
    typer.echo(f"{record.principal.id}, id {record.id}: it will not be shown again", err=True)


def _print(keys: tuple[ApiKey, ...], *, json: bool) -> None:
    if json:
        print_json({"keys": [_plain(key) for key in keys]})
        return
    now = time.time()
    print_table(
        ("id", "principal", "tier", "roles", "created", "expires", "state"),
        [
            (
                key.id,
                key.principal.id,
                key.principal.tier,
                ", ".join(key.principal.roles),
                written(key.created),
                written(key.expires),
                "revoked" if key.revoked else "works" if key.works(now) else "expired",
            )
            for key in keys
        ],
    )

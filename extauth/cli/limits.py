"""`sluice limits`: how limits stand, and putting right by hand what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from extauth.cli.terminal.options import STATE_DIR, JsonOption, StateDirOption
from extauth.cli.terminal.output import print_json, print_table, written
from extauth.cli.terminal.values import current_user

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer(help="Look at limits, reset them, grant more.", no_args_is_help=True)

NUMBERS = ("limit", "used", "reserved")

KeyArgument = Annotated[
    str, typer.Argument(metavar="KEY", help="tenant:acme, or tenant:acme|model:chat.")
]


@app.command()
def show(
    key: Annotated[
        str, typer.Argument(metavar="[KEY]", help="tenant:acme, or the beginning of keys and *.")
    ] = "*",
    *,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Print what counts under a key now: booked, and reserved by requests that run."""
    from extauth.stack.process.admin import AdminClient
    from extauth.storage.state import StateDir

    told = AdminClient.of(StateDir.at(state_dir)).get("/limits", {"key": key})
    if json:
        print_json(told)
        return
    _print(told["limits"])


@app.command()
def reset(
    key: KeyArgument, *, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR
) -> None:
    """Forget what is booked under a key; what runs stays reserved, and reports stay as they are."""
    _order(state_dir, "/limits/reset", {"key": key}, json=json)


@app.command()
def grant(
    key: KeyArgument,
    *,
    unit: Annotated[str, typer.Option(help="requests, tokens, cost (in micro-units), seconds, …")],
    amount: Annotated[int, typer.Option(min=1, help="How much more, in the unit.")],
    name: Annotated[
        str | None, typer.Option(help="The limit's name, where several count the unit.")
    ] = None,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Let more be used in the current window."""
    order = {"key": key, "unit": unit, "amount": amount, "name": name}
    _order(state_dir, "/limits/grant", order, json=json)


def _order(state_dir: Path, path: str, body: dict[str, object], *, json: bool) -> None:
    from extauth.stack.process.admin import AdminClient
    from extauth.storage.state import StateDir

    told = AdminClient.of(StateDir.at(state_dir)).post(path, body | {"user": current_user()})
    if json:
        print_json(told)
        return
    _print(told["after"])


def _print(limits: list[dict[str, Any]]) -> None:
    print_table(
        ("key", "name", "unit", "window", *NUMBERS, "resets at"),
        [
            (
                each["key"],
                each["name"] or "",
                each["unit"],
                _window(each["window"]),
                "" if each["limit"] is None else f"{each['limit']:,}",
                f"{each['used']:,}",
                f"{each['reserved']:,}",
                written(each["resets_at"]),
            )
            for each in limits
        ],
        numbers=NUMBERS,
    )


def _window(window: int | dict[str, Any]) -> str:
    """`60 s`, `10 every 60 s`, `month (UTC, from day 15)`, `lifetime`."""
    if isinstance(window, int):
        return f"{window} s"
    match window["type"]:
        case "bucket":
            return f"{window['refill']:,} every {window['seconds']} s"
        case "calendar":
            begins = f", from day {window['anchor']}" if window.get("anchor", 1) != 1 else ""
            return f"{window['period']} ({window.get('time_zone', 'UTC')}{begins})"
        case other:
            return str(other)

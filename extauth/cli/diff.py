"""`sluice diff`: what an apply would change, or what two snapshots differ in."""

from __future__ import annotations

import json as encoder
from typing import TYPE_CHECKING, Annotated

import typer

from extauth.cli.options import STATE_DIR, JsonOption, StateDirOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.stack.activation.changes import Change
    from extauth.stack.activation.difference import Difference

FROM = typer.Argument(metavar="[A]", help="A sequence number or a digest; the active one if none.")
TO = typer.Argument(metavar="[B]", help="Another; what the configuration says now if none.")


def diff(
    before: Annotated[str | None, FROM] = None,
    after: Annotated[str | None, TO] = None,
    *,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Tell what differs between the active snapshot and what is configured now, or A and B."""
    import msgspec

    from extauth.stack.activation.difference import difference
    from extauth.storage.state import StateDir

    found = difference(StateDir.at(state_dir), before, after)
    if json:
        typer.echo(encoder.dumps({"differs": found.any, **msgspec.to_builtins(found)}))
    else:
        for line in _lines(found):
            typer.echo(line)


def _lines(found: Difference) -> Iterator[str]:
    if not found.any:
        yield f"no difference: {found.before}"
        return
    yield f"from {found.before} to {found.after}"
    yield from map(_line, found.settings)
    yield from (f"data.{_line(change)}" for change in found.data)
    for kind, names in (
        ("cluster", found.clusters), ("route", found.routes), ("model", found.models)
    ):  # fmt: skip
        yield from (f"{kind} added: {name}" for name in names.added)
        yield from (f"{kind} removed: {name}" for name in names.removed)
        yield from (f"{kind} changed: {name}" for name in names.changed)
    yield from (f"file changed: {name}" for name in found.files)
    yield from (text.rstrip("\n") for text in found.policies.values())


def _line(change: Change) -> str:
    before, after = (
        encoder.dumps(value, ensure_ascii=False) for value in (change.before, change.after)
    )
    return f"{change.path}: {before} -> {after}"

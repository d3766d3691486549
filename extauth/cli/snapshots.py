"""`sluice apply`, `diff`, `history` and `rollback`: the snapshots of a running stack."""

from __future__ import annotations

import json as encoder
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from extauth.cli.terminal.options import STATE_DIR, JsonOption, StateDirOption
from extauth.cli.terminal.output import print_json, print_table, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.stack.activation.changes import ValueChange
    from extauth.stack.activation.difference import SnapshotDifference
    from extauth.stack.activation.switching import Activation

FROM = typer.Argument(metavar="[A]", help="A sequence number or a digest; the active one if none.")
TO = typer.Argument(metavar="[B]", help="Another; what the configuration says now if none.")
WantedArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[SEQUENCE|DIGEST]",
        help="As `sluice history` lists them; the one active before this one unless given.",
    ),
]


def apply(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """Compile the running stack's configuration again and switch to it, or change nothing."""
    from extauth.stack.activation.apply import apply as switch
    from extauth.stack.progress import Silent, Terminal
    from extauth.storage.state import StateDir

    progress = Silent() if json else Terminal(sys.stderr)
    now = switch(StateDir.at(state_dir), progress)
    _print_activation(now, json=json)


def diff(
    before: Annotated[str | None, FROM] = None,
    after: Annotated[str | None, TO] = None,
    *,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Show the differences of the active snapshot and the configuration now, or of A and B."""
    import msgspec

    from extauth.stack.activation.difference import difference
    from extauth.storage.state import StateDir

    found = difference(StateDir.at(state_dir), before, after)
    if json:
        print_json({"differs": found.any, **msgspec.structs.asdict(found)})
    else:
        for line in _lines(found):
            typer.echo(line)


def history(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """List every activation and every refusal of a snapshot, the newest first."""
    import msgspec

    from extauth.snapshot.history import History
    from extauth.stack.activation.active import active_digest
    from extauth.storage.state import StateDir

    state = StateDir.at(state_dir)
    entries = History(state.history).entries()[::-1]
    active = active_digest(state)
    # A snapshot that was gone back to stands there more than once.
    current = next(
        (one for one in entries if one.digest == active and one.result == "activated"), None
    )
    if json:
        plain = [
            msgspec.structs.asdict(entry)
            | {"on_disk": bool(entry.digest) and (state.snapshots / str(entry.digest)).is_dir()}
            for entry in entries
        ]
        print_json({"active": active, "entries": plain})
        return
    print_table(
        ("sequence", "time", "how", "snapshot", "policies", "from", "result"),
        [
            (
                str(entry.sequence),
                written(entry.time),
                entry.how,
                _short(entry.digest) + (" (active)" if entry is current else ""),
                _short(entry.revision),
                _short(entry.previous),
                f"refused: {entry.reason}" if entry.result == "refused" else "activated",
            )
            for entry in entries
        ],
        numbers=("sequence",),
    )


def rollback(
    wanted: WantedArgument = None,
    *,
    json: JsonOption = False,
    state_dir: StateDirOption = STATE_DIR,
) -> None:
    """Activate a former snapshot that is still on disk; the sources stay as they are."""
    from extauth.stack.activation.rollback import rollback as go_back
    from extauth.stack.progress import Silent, Terminal
    from extauth.storage.state import StateDir

    progress = Silent() if json else Terminal(sys.stderr)
    now = go_back(StateDir.at(state_dir), progress, wanted)
    _print_activation(now, json=json)


def _print_activation(now: Activation, *, json: bool) -> None:
    if json:
        print_json(now)
    else:
        typer.echo(f"{'active' if now.changed else 'unchanged'}: {now.digest} ({now.sequence})")


def _lines(found: SnapshotDifference) -> Iterator[str]:
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


def _line(change: ValueChange) -> str:
    before, after = (
        encoder.dumps(value, ensure_ascii=False) for value in (change.before, change.after)
    )
    return f"{change.path}: {before} -> {after}"


def _short(digest: str | None) -> str:
    return digest[:12] if digest else ""

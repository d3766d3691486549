"""`sluice history`: what was activated and refused."""

from __future__ import annotations

import json as encoder

import typer

from extauth.cli.options import STATE_DIR, JsonOption, StateDirOption


def history(*, json: JsonOption = False, state_dir: StateDirOption = STATE_DIR) -> None:
    """List every activation and every refusal of a snapshot, the newest first."""
    import msgspec

    from extauth.cli.table import print_table
    from extauth.cli.times import written
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
        typer.echo(encoder.dumps({"active": active, "entries": plain}))
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


def _short(digest: str | None) -> str:
    return digest[:12] if digest else ""

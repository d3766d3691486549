"""Output of commands: tables and times for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDE = 240


def print_json(value: object) -> None:
    """Print one JSON object. `value` may hold structs."""
    import msgspec

    typer.echo(json.dumps(msgspec.to_builtins(value)))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[str] = ()
) -> None:
    """Print rows under their columns, those in `numbers` aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    # A pipe has no edge to break lines at.
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def written(time: float | None) -> str:
    """Write Unix seconds as UTC, `2026-08-31 12:00:00Z`; nothing for None."""
    if time is None:
        return ""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%SZ")

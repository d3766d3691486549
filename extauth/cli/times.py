"""Durations and moments as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import typer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(text: str) -> float:
    """`90s`, `15m`, `24h`, `30d` or `0s` in seconds."""
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if match is None:
        raise typer.BadParameter(f"{text} is not a duration like 90s, 15m, 24h or 30d")
    return float(int(match[1]) * _UNITS[match[2]])


def moment(text: str) -> float:
    """`2026-08-31` or `2026-08-31T12:00:00+02:00` in unix seconds; UTC where no zone is given."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a date or time like 2026-08-31T12:00") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def day(text: str) -> str:
    """`2026-08-31`, and no other form of it."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"{text} is not a day like 2026-08-31") from None


def written(time: float | None) -> str:
    """Unix seconds as UTC, `2026-08-31 12:00:00Z`; nothing for None."""
    if time is None:
        return ""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%SZ")

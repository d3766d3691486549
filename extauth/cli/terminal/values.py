"""Values as people write them on a command line: durations, moments, days, shares."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import typer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_HUNDREDTHS = 100
_MOST = 10_000


def seconds(text: str) -> float:
    """Read `90s`, `15m`, `24h`, `30d` or `0s` as seconds."""
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if match is None:
        raise typer.BadParameter(f"{text} is not a duration like 90s, 15m, 24h or 30d")
    return float(int(match[1]) * _UNITS[match[2]])


def moment(text: str) -> float:
    """Read `2026-08-31` or `2026-08-31T12:00:00+02:00` as Unix seconds, in UTC without a zone."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a date or time like 2026-08-31T12:00") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def day(text: str) -> str:
    """Read `2026-08-31`, and no other form of it."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"{text} is not a day like 2026-08-31") from None


def hundredths(text: str) -> int:
    """Read `10%` or `0.5%` as hundredths of a percent."""
    match = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,2}))?\s?%", text)
    amount = int(match[1]) * _HUNDREDTHS + int((match[2] or "0").ljust(2, "0")) if match else 0
    if not 0 < amount <= _MOST:
        raise typer.BadParameter(f"{text} is not a share like 5%, from 0.01% to 100%")
    return amount


def current_user() -> str | None:
    """Return the operating system's name of the user, for the audit log; None without one."""
    import getpass

    try:
        return getpass.getuser()[:64] or None
    except (OSError, KeyError):
        return None

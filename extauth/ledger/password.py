"""The password of a shared ledger's server, which is in a file and nowhere else."""

from __future__ import annotations

from pathlib import Path

from extauth.errors import StackError


def read_password(file: str | None) -> str | None:
    """The first line of `file`; None without one. Raises StackError when it can't be read."""
    if file is None:
        return None
    try:
        return Path(file).read_text("utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        raise StackError(f"{file}: the ledger's password can't be read") from None

"""Where the ledger keeps the usage report's lines: its own file, or the Redis that all share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.ledger.password import read_password
from extauth.ledger.store import report_lines

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.ledger.lines import Line, Used
    from extauth.settings import LedgerSettings


class LineSource:
    """Reads a ledger's lines. For any thread; blocks."""

    def __init__(self, ledger: LedgerSettings, file: Path) -> None:
        """`file` is that of an embedded ledger."""
        self._ledger = ledger
        self._file = file

    def lines(self, *, principal: str | None = None, since: str = "") -> list[tuple[Line, Used]]:
        """All lines, or a principal's, or from a UTC day on; a line may be there twice.

        Every settlement that has returned is in them. Raises StackError when they can't be read.
        """
        ledger = self._ledger
        if ledger.kind == "embedded" or ledger.url is None:
            return report_lines(self._file, principal=principal, since=since)
        # Nobody needs its driver but those who have one.
        from extauth.ledger.redis import lines  # noqa: PLC0415

        return lines(
            ledger.url,
            password=read_password(ledger.password_file),
            principal=principal,
            since=since,
        )

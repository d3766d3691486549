"""The lines of the usage report, read from the ledger's own file or from the shared Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.ledger.store import report_lines
from extauth.storage.state import read_password

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.ledger.lines import UsageLine, Used
    from extauth.settings import LedgerSettings


class LineSource:
    """Reads the lines of a ledger. For any thread; blocks."""

    def __init__(self, ledger: LedgerSettings, file: Path) -> None:
        """`file` is the SQLite file of an embedded ledger."""
        self._ledger = ledger
        self._file = file

    def lines(
        self, *, principal: str | None = None, since: str = ""
    ) -> list[tuple[UsageLine, Used]]:
        """Return all lines, or those of a principal, or those from a UTC day on.

        A line may occur more than once. Every settlement that has returned is included. Raises
        StackError when the lines can't be read.
        """
        ledger = self._ledger
        if ledger.kind == "embedded" or ledger.url is None:
            return report_lines(self._file, principal=principal, since=since)
        # Imports Redis's driver, which is an extra.
        from extauth.ledger.redis import lines  # noqa: PLC0415

        return lines(
            ledger.url,
            password=read_password(ledger.password_file, "Redis"),
            principal=principal,
            since=since,
        )

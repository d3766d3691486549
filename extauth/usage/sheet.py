"""Tables as spreadsheets read them: CSV of RFC 4180, in which no text can be a formula."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What Excel, LibreOffice or Google Sheets may take a cell's text for a formula by (OWASP, "CSV
# Injection"), also in the full width that they fold.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def sheet(columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    """A header and rows. Text that could be a formula gets an apostrophe in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def money(cost: int | None) -> str:
    """Micro-units in units of the currency, exactly: `0.450000`; nothing for None."""
    return "" if cost is None else f"{cost // 1_000_000}.{cost % 1_000_000:06d}"


def _cell(value: str | int) -> str | int:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

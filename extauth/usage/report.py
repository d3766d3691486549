"""The answer to a query about usage, and how machines read it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.ledger.reports import UsageRow, report
from extauth.usage.forecast import Forecast, forecast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extauth.ledger.lines import UsageLine, Used
    from extauth.usage.budgets import Budgets
    from extauth.usage.query import UsageQuery

NUMBERS = (
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "cost",
    "compute_seconds",
    "unsettled",
)
FORECAST = ("cost", "forecast_cost", "budget", "tokens", "forecast_tokens")

# What Excel, LibreOffice or Google Sheets may take a cell's text for a formula by (OWASP, "CSV
# Injection"), also in the full width that they fold.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class UsageReport(msgspec.Struct, frozen=True):
    """Rows under the columns `by`; of forecasts, where the query asked for them."""

    by: tuple[str, ...]
    rows: tuple[UsageRow, ...] | tuple[Forecast, ...]
    forecast: bool

    @classmethod
    def of(
        cls,
        query: UsageQuery,
        lines: Sequence[tuple[UsageLine, Used]],
        *,
        budgets: Budgets,
        now: float,
    ) -> UsageReport:
        """Look it up in the ledger's lines; of a month, its own are enough.

        Raises InvalidRequest for what can't be asked.
        """
        query.check()
        by, selection = query.columns, query.selection()
        month = query.period(budgets, now)
        if query.forecast and month is not None:
            rows = forecast(
                lines,
                by=by,
                selection=selection,
                month=month,
                now=now,
                budgets=budgets,
            )
            return cls(by, rows, True)
        if month is not None:
            selection = msgspec.structs.replace(selection, since=month.first, until=month.last)
        return cls(by, report(lines, by=by, selection=selection), False)

    def document(self) -> dict[str, Any]:
        """For JSON: costs are in micro-units."""
        return {"forecast" if self.forecast else "usage": msgspec.to_builtins(self.rows)}

    def csv(self) -> str:
        """For spreadsheets: costs are in units of the currency."""
        numbers = FORECAST if self.forecast else NUMBERS
        return sheet(
            (*self.by, *numbers),
            (
                (*row.group.values(), *(_number(name, getattr(row, name)) for name in numbers))
                for row in self.rows
            ),
        )


def _number(name: str, value: float | None) -> str | int:
    if name == "compute_seconds":
        return f"{value:.3f}"
    if name in {"cost", "forecast_cost", "budget"}:
        return money(None if value is None else int(value))
    return int(value or 0)


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

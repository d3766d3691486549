"""A usage report, and its form as JSON and as CSV (RFC 4180)."""

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

# First characters that make Excel, LibreOffice or Google Sheets read a cell as a formula (OWASP,
# "CSV Injection"), with the full-width forms that they treat alike.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class UsageReport(msgspec.Struct, frozen=True):
    """The rows of a report, grouped by the columns `by`; forecasts if `forecast` is true."""

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
        """Compute the report for `query` from the ledger's lines.

        For a month, the lines from its first day on are enough. Raises InvalidRequest for an
        invalid query.
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
        """Return the report for JSON. Costs are in micro-units."""
        return {"forecast" if self.forecast else "usage": msgspec.to_builtins(self.rows)}

    def csv(self) -> str:
        """Return the report as CSV. Costs are in units of the currency."""
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
    """Return CSV with a header. A text that could be a formula gets an apostrophe in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def money(cost: int | None) -> str:
    """Return micro-units in units of the currency, exactly: `0.450000`; nothing for None."""
    return "" if cost is None else f"{cost // 1_000_000}.{cost % 1_000_000:06d}"


def _cell(value: str | int) -> str | int:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

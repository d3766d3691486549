"""The answer to a question about usage, and how machines read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from extauth.ledger.reports import Row, report
from extauth.usage.forecast import Forecast, forecast
from extauth.usage.sheet import money, sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger.lines import Line, Used
    from extauth.usage.budgets import Budgets
    from extauth.usage.question import Question

NUMBERS = (
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "cost",
    "compute_seconds",
    "unsettled",
)
FORECAST = ("cost", "forecast_cost", "budget", "tokens", "forecast_tokens")


class Answer(msgspec.Struct, frozen=True):
    """Rows under the columns `by`; of forecasts, where the question asked for them."""

    by: tuple[str, ...]
    rows: tuple[Row, ...] | tuple[Forecast, ...]
    forecast: bool

    @classmethod
    def to(
        cls,
        question: Question,
        lines: Sequence[tuple[Line, Used]],
        *,
        budgets: Budgets,
        now: float,
    ) -> Answer:
        """Look it up in the ledger's lines; of a month, its own are enough.

        Raises InvalidRequest for what can't be asked.
        """
        question.check()
        by, selection = question.columns, question.selection()
        month = question.period(budgets, now)
        if question.forecast and month is not None:
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

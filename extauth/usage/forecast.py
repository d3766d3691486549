"""The forecast of a month: its cost and tokens at the end, if usage goes on as before."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from extauth.ledger.reports import Selection, grouped
from extauth.usage.month import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger.lines import UsageLine, Used
    from extauth.usage.budgets import Budgets
    from extauth.usage.month import Month

RECENT = 7
"""Full days whose mean stands for each day to come."""


class Forecast(msgspec.Struct, frozen=True):
    """The forecast of one group's month.

    Costs are micro-units of the prices' currency; `budget` is None if the group has none.
    """

    group: dict[str, str]
    cost: int
    forecast_cost: int
    tokens: int
    forecast_tokens: int
    budget: int | None


def forecast(
    lines: Sequence[tuple[UsageLine, Used]],
    *,
    by: Sequence[str],
    selection: Selection,
    month: Month,
    now: float,
    budgets: Budgets,
) -> tuple[Forecast, ...]:
    """Return the month to date, and its value at the end, for each group.

    From the eighth day of the month on, the value at the end is the month to date plus the mean of
    the last seven full UTC days for each day left, fractions included. Before, it is the month to
    date divided by the share of the month that has passed.
    """
    until = datetime.fromtimestamp(now, UTC).date()
    since = until - timedelta(days=RECENT)
    total = _sums(lines, by, selection, month.first, month.last)
    recent: dict[tuple[str, ...], tuple[int, int]] | None = None
    if since >= date.fromisoformat(month.first):
        before = (until - timedelta(days=1)).isoformat()
        recent = _sums(lines, by, selection, since.isoformat(), min(before, month.last))
    left = max(0.0, month.end - now) / DAY
    share = month.elapsed(now)

    def at_end(group: tuple[str, ...], place: int) -> int:
        spent = total[group][place]
        if not left or not share:
            return spent
        if recent is None:
            return round(spent / share)
        return spent + round(recent[group][place] * left / RECENT)

    found = []
    for group in sorted(total):
        named = dict(zip(by, group, strict=True))
        cost, tokens = total[group]
        found.append(
            Forecast(
                named, cost, at_end(group, 0), tokens, at_end(group, 1), budgets.of_group(named)
            )
        )
    return tuple(found)


def _sums(
    lines: Sequence[tuple[UsageLine, Used]],
    by: Sequence[str],
    selection: Selection,
    since: str,
    until: str,
) -> defaultdict[tuple[str, ...], tuple[int, int]]:
    """Return the cost and tokens of each group between two UTC days, both included."""
    days = msgspec.structs.replace(selection, since=since, until=until)
    return defaultdict(
        lambda: (0, 0),
        {
            group: (used.cost, used.prompt_tokens + used.completion_tokens)
            for group, used in grouped(lines, by, days).items()
        },
    )

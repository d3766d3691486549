"""A principal's own usage: by day and model, and in total."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from extauth.ledger.reports import Selection, UsageRow, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger.lines import UsageLine, Used

DAYS = 30
"""Number of UTC days covered, the current one included."""


def days_back(now: float) -> str:
    """Return the first of the `DAYS` days that end at `now`."""
    return (datetime.fromtimestamp(now, UTC).date() - timedelta(days=DAYS - 1)).isoformat()


class OwnUsage(msgspec.Struct, frozen=True):
    """Usage of `principal` from one UTC day to another, both included."""

    principal: str
    since: str
    until: str
    rows: tuple[UsageRow, ...]
    total: UsageRow

    @classmethod
    def of(cls, principal: str, lines: Sequence[tuple[UsageLine, Used]], now: float) -> OwnUsage:
        """Return the principal's usage from `lines`; lines of other principals are ignored."""
        since = days_back(now)
        own = Selection(since=since, principal=principal)
        total = report(lines, by=(), selection=own)
        return cls(
            principal=principal,
            since=since,
            until=datetime.fromtimestamp(now, UTC).date().isoformat(),
            rows=report(lines, by=("day", "model"), selection=own),
            total=total[0] if total else UsageRow({}, 0, 0, 0, 0, 0.0, 0),
        )

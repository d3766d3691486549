"""What is asked about usage, by the command line and over HTTP alike."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import InvalidRequest
from extauth.ledger.reports import Selection
from extauth.usage.month import Month

if TYPE_CHECKING:
    from extauth.usage.budgets import Budgets


class UsageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which usage, grouped by what.

    `since` and `until` are UTC days; `month` is one, `2026-11`. A `forecast` is of a month, the
    current one unless said. None takes everything, and an empty `by` the usual columns.
    """

    by: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    month: str | None = None
    forecast: bool = False
    tenant: str | None = None
    team: str | None = None
    principal: str | None = None
    model: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """What to group by: unless said, a forecast by tenant, all else by who used what."""
        return self.by or (("tenant",) if self.forecast else ("tenant", "principal", "model"))

    def check(self) -> None:
        """Raises InvalidRequest for what does not go together or is no day."""
        for name in ("since", "until"):
            text = getattr(self, name)
            if text is not None and not _is_day(text):
                raise InvalidRequest(f"{text} is not a day like 2026-08-31", param=name)
        if self.since or self.until:
            if self.month:
                raise InvalidRequest("ask for a month, or for days, not for both", param="month")
            if self.forecast:
                raise InvalidRequest("a forecast is of a month, not of days", param="forecast")
        if self.forecast and "day" in self.by:
            raise InvalidRequest("a forecast is of a month, not by day", param="by")

    def period(self, budgets: Budgets, now: float) -> Month | None:
        """The month that is asked for, if one is. Raises InvalidRequest for what is none."""
        if self.month:
            return Month.parse(self.month, budgets.zone, budgets.anchor)
        return Month.at(now, budgets.zone, budgets.anchor) if self.forecast else None

    def selection(self) -> Selection:
        """The lines that are asked for, but for the month."""
        return Selection(self.since, self.until, self.tenant, self.team, self.principal, self.model)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False

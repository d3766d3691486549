"""A usage query, from the command line or over HTTP."""

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
    """A selection of usage, and the columns to group it by.

    `since` and `until` are UTC days such as `2026-08-31`, `month` is one such as `2026-11`. A
    `forecast` is for `month`, or for the current month. A filter that is None selects everything;
    an empty `by` groups by the default columns.
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
        """The columns to group by: `by`, or the default."""
        return self.by or (("tenant",) if self.forecast else ("tenant", "principal", "model"))

    def check(self) -> None:
        """Raise InvalidRequest for a malformed day and for fields that exclude each other."""
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
        """Return the month that is asked for; None if there is none. Raises InvalidRequest."""
        if self.month:
            return Month.parse(self.month, budgets.zone, budgets.anchor)
        return Month.at(now, budgets.zone, budgets.anchor) if self.forecast else None

    def selection(self) -> Selection:
        """Return the filter for lines; the month is not part of it."""
        return Selection(self.since, self.until, self.tenant, self.team, self.principal, self.model)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False

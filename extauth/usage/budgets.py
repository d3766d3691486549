"""The budgets of a snapshot's policies, from `data/budgets.yaml`.

The policies turn them into limits. They are read here only to compare a forecast with them.
"""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Budget(msgspec.Struct, frozen=True):
    """The amount that may be spent in a month, in micro-units of the prices' currency."""

    cost: int


class Budgets(msgspec.Struct, frozen=True):
    """Budgets by tenant, and by tenant and team.

    Months begin at midnight on day `anchor`, in `time_zone`.
    """

    tenants: dict[str, Budget] = {}
    teams: dict[str, dict[str, Budget]] = {}
    time_zone: str = "UTC"
    anchor: int = 1

    @classmethod
    def of(cls, snapshot: Path) -> Budgets:
        """Read the budgets of the snapshot in a directory; none if its policy data has none.

        Raises ConfigurationError when they can't be read or are malformed.
        """
        file = snapshot / "policy" / "data.json"
        try:
            data = msgspec.json.decode(file.read_bytes(), type=_BudgetsData)
            ZoneInfo(data.budgets.time_zone)
        except OSError as error:
            raise ConfigurationError(f"can't be read: {error.strerror}", file=file) from None
        except (msgspec.MsgspecError, zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigurationError(f"has no budgets to read: {error}", file=file) from None
        return data.budgets

    @property
    def zone(self) -> ZoneInfo:
        """`time_zone` as an object."""
        return ZoneInfo(self.time_zone)

    def of_group(self, group: Mapping[str, str]) -> int | None:
        """Return the budget of a row grouped by tenant, or by tenant and team; else None."""
        budget = None
        if group.keys() == {"tenant"}:
            budget = self.tenants.get(group["tenant"])
        elif group.keys() == {"tenant", "team"}:
            budget = self.teams.get(group["tenant"], {}).get(group["team"])
        return budget.cost if budget else None


class _BudgetsData(msgspec.Struct):
    budgets: Budgets = Budgets()

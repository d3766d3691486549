"""Usage reports: the ledger's lines added up by columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.errors import InvalidRequest
from extauth.ledger.lines import Used

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extauth.ledger.lines import UsageLine

COLUMNS = ("day", "tenant", "team", "principal", "model", "version")


class Selection(msgspec.Struct, frozen=True):
    """A filter for lines; None takes all. Days are UTC dates, `2026-08-31`, both included."""

    since: str | None = None
    until: str | None = None
    tenant: str | None = None
    team: str | None = None
    principal: str | None = None
    model: str | None = None

    def takes(self, line: UsageLine) -> bool:
        """Return whether the line passes the filter."""
        account = line.account
        return (
            (self.since is None or line.day >= self.since)
            and (self.until is None or line.day <= self.until)
            and self.tenant in {None, account.tenant}
            and self.team in {None, account.team}
            and self.principal in {None, account.principal}
            and self.model in {None, account.model}
        )


class UsageRow(msgspec.Struct, frozen=True):
    """The usage of one group. `group` holds the columns that it was grouped by.

    `cost` is in micro-units of the prices' currency, as it was charged at the time;
    `compute_seconds` are the backend's. `unsettled` requests are those that a killed process had
    not settled; only the known part of their usage is in the sums.
    """

    group: dict[str, str]
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: int
    compute_seconds: float
    unsettled: int


def report(
    lines: Iterable[tuple[UsageLine, Used]],
    *,
    by: Sequence[str],
    selection: Selection | None = None,
) -> tuple[UsageRow, ...]:
    """Return the lines grouped by some of `COLUMNS`, sorted by group.

    Raises InvalidRequest for an unknown column, or one given twice.
    """
    return tuple(
        UsageRow(
            group=dict(zip(by, group, strict=True)),
            requests=used.requests,
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
            cost=used.cost,
            compute_seconds=used.milliseconds / 1000,
            unsettled=used.unsettled,
        )
        for group, used in sorted(grouped(lines, by, selection or Selection()).items())
    )


def grouped(
    lines: Iterable[tuple[UsageLine, Used]], by: Sequence[str], selection: Selection
) -> dict[tuple[str, ...], Used]:
    """Return the sums of each group. Raises as `report` does."""
    for place, column in enumerate(by):
        if column not in COLUMNS:
            raise InvalidRequest(
                f"usage can't be grouped by {column}; expected some of {', '.join(COLUMNS)}",
                param="by",
            )
        if column in by[:place]:
            raise InvalidRequest(f"usage is grouped by {column} twice", param="by")
    groups: dict[tuple[str, ...], Used] = {}
    for line, used in lines:
        if not selection.takes(line):
            continue
        group = tuple(_value(line, column) for column in by)
        total = groups.get(group)
        if total is None:
            total = groups[group] = Used()
        total.requests += used.requests
        total.prompt_tokens += used.prompt_tokens
        total.completion_tokens += used.completion_tokens
        total.cost += used.cost
        total.milliseconds += used.milliseconds
        total.unsettled += used.unsettled
    return groups


def _value(line: UsageLine, column: str) -> str:
    return line.day if column == "day" else str(getattr(line.account, column))

"""What was used, for people: read from the ledger's file, also while a gateway writes to it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import InvalidRequest, StackError
from extauth.ledger.store import folded, lines, read
from extauth.sqlite import connect_read_only

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from extauth.ledger.fold import Line
    from extauth.settings import Price

COLUMNS = ("day", "tenant", "principal", "model", "version")
_MILLION = 1_000_000


class Selection(msgspec.Struct, frozen=True):
    """Which usage: None takes everything. Days are UTC dates, `2026-08-31`, both included."""

    since: str | None = None
    until: str | None = None
    tenant: str | None = None
    principal: str | None = None
    model: str | None = None


class Row(msgspec.Struct, frozen=True):
    """One group. `group` holds the columns that it was grouped by.

    `cost` is in micro-units of the currency that the prices are in. Of `unsettled` requests,
    which a killed process had not settled, the tokens are not known and not in the sums.
    """

    group: dict[str, str]
    requests: int
    prompt_tokens: int
    completion_tokens: int
    unsettled: int
    cost: int


def report(
    path: Path,
    *,
    by: Sequence[str],
    selection: Selection | None = None,
    prices: Mapping[str, Price] | None = None,
) -> tuple[Row, ...]:
    """Usage grouped by some of `COLUMNS`; every settlement that has returned is in it.

    A model without a price costs nothing. Raises InvalidRequest for another column, StackError
    when there is no ledger or it can't be read.
    """
    for column in by:
        if column not in COLUMNS:
            raise InvalidRequest(f"usage can't be grouped by {column}", param="by")
    chosen, prices = selection or Selection(), prices or {}
    connection = connect_read_only(path)
    try:
        found = _found(connection, path)
    except sqlite3.Error as error:
        raise StackError(f"{path}: can't be read: {error}") from None
    finally:
        connection.close()

    groups: dict[tuple[str, ...], list[int]] = {}
    for line, (requests, prompt, completion, unsettled) in found:
        if not _matches(line, chosen):
            continue
        price = prices.get(line.account.model)
        cost = price.prompt * prompt + price.completion * completion if price else 0
        total = groups.setdefault(tuple(_value(line, column) for column in by), [0] * 5)
        for place, amount in enumerate((requests, prompt, completion, unsettled, cost)):
            total[place] += amount
    return tuple(
        Row(
            group=dict(zip(by, group, strict=True)),
            requests=requests,
            prompt_tokens=prompt,
            completion_tokens=completion,
            unsettled=unsettled,
            cost=cost // _MILLION,
        )
        for group, (requests, prompt, completion, unsettled, cost) in sorted(groups.items())
    )


def _found(
    connection: sqlite3.Connection, path: Path
) -> list[tuple[Line, tuple[int, int, int, int]]]:
    """Every line of the sums and of the journal, both of the same moment."""
    while True:
        connection.execute("BEGIN")
        before = folded(connection)
        found = list(lines(connection))
        fold, _ = read(connection, path)
        connection.execute("COMMIT")
        # A journal file that was folded meanwhile may be gone, and in neither.
        if folded(connection) == before:
            break
    for line, used in fold.lines.items():
        sums = (used.requests, used.prompt_tokens, used.completion_tokens, used.unsettled)
        found.append((line, sums))
    return found


def _value(line: Line, column: str) -> str:
    return line.day if column == "day" else str(getattr(line.account, column))


def _matches(line: Line, chosen: Selection) -> bool:
    account = line.account
    return (
        (chosen.since is None or line.day >= chosen.since)
        and (chosen.until is None or line.day <= chosen.until)
        and chosen.tenant in {None, account.tenant}
        and chosen.principal in {None, account.principal}
        and chosen.model in {None, account.model}
    )

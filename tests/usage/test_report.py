"""Usage queries and their reports, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.errors import ConfigurationError, InvalidRequest
from extauth.usage import Budget, Budgets, UsageQuery, UsageReport
from extauth.usage.report import money, sheet

from .lines import line

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 16, tzinfo=UTC).timestamp()
LINES = [
    line("2026-10-31", cost=1_000_000, requests=1),
    line("2026-11-15", cost=2_000_000, requests=2, prompt_tokens=7, milliseconds=1500),
    line("2026-11-15", cost=500_000, requests=1, team="=research", unsettled=1),
    line("2026-11-15", "globex", cost=3_000_000, requests=3, completion_tokens=9),
    line("2026-12-14", cost=4_000_000, requests=4),
]
BUDGETS = Budgets(tenants={"acme": Budget(10_000_000)})


def ask(query: UsageQuery, budgets: Budgets = BUDGETS) -> UsageReport:
    return UsageReport.of(query, LINES, budgets=budgets, now=NOW)


def test_a_month_is_the_calendars_unless_budgets_say_otherwise() -> None:
    november = UsageQuery(by=("tenant",), month="2026-11", tenant="acme")

    for budgets, requests in ((BUDGETS, 3), (Budgets(anchor=15), 7), (Budgets(anchor=16), 4)):
        (row,) = ask(november, budgets).document()["usage"]
        assert row["requests"] == requests


def test_a_chargeback_is_a_sheet_of_a_month() -> None:
    sheet = ask(UsageQuery(by=("tenant", "team", "model"), month="2026-11")).csv()

    assert sheet.split("\r\n") == [
        "tenant,team,model,requests,prompt_tokens,completion_tokens,cost,compute_seconds,unsettled",
        "acme,,chat,2,7,0,2.000000,1.500,0",
        "acme,'=research,chat,1,0,0,0.500000,0.000,1",
        "globex,,chat,3,0,9,3.000000,0.000,0",
        "",
    ]


def test_a_forecast_is_of_the_current_month_by_tenant() -> None:
    answer = ask(UsageQuery(forecast=True, tenant="acme"))

    (row,) = answer.document()["forecast"]
    # What was used on the 15th alone is the mean of a week, for fifteen days more.
    assert row["group"] == {"tenant": "acme"}
    assert (row["cost"], row["budget"]) == (2_500_000, 10_000_000)
    assert row["forecast_cost"] == 2_500_000 + round(2_500_000 * 15 / 7)
    assert answer.csv().splitlines()[0] == (
        "tenant,cost,forecast_cost,budget,tokens,forecast_tokens"
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (UsageQuery(by=("colour",)), "can't be grouped by colour"),
        (UsageQuery(by=("day", "day")), "by day twice"),
        (UsageQuery(since="31.12.2026"), "not a day"),
        (UsageQuery(until="2026-02-30"), "not a day"),
        (UsageQuery(month="November"), "not a month"),
        (UsageQuery(month="2026-11", since="2026-11-01"), "not for both"),
        (UsageQuery(forecast=True, until="2026-11-01"), "of a month"),
        (UsageQuery(forecast=True, by=("day",)), "of a month"),
    ],
)
def test_what_makes_no_sense_is_refused(query: UsageQuery, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        ask(query)


@pytest.mark.parametrize(
    "data",
    [
        '{"budgets": {"tenants": {"acme": {"cost": "much"}}}}',
        '{"budgets": {"time_zone": "Europe/Berln"}}',
        "[]",
    ],
)
def test_budgets_that_are_none_are_told(tmp_path: Path, data: str) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy/data.json").write_text(data)

    with pytest.raises(ConfigurationError, match="no budgets to read"):
        Budgets.of(tmp_path)


def test_policies_need_have_no_budgets(tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy/data.json").write_text('{"tiers": {}}')

    assert Budgets.of(tmp_path) == Budgets()


def test_lines_end_as_the_standard_says_and_quotes_are_doubled() -> None:
    assert sheet(("tenant", "requests"), [('a,"b"', 1), ("c", 2)]) == (
        'tenant,requests\r\n"a,""b""",1\r\nc,2\r\n'
    )


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1"])
def test_no_name_is_a_formula(name: str) -> None:
    ((cell,),) = list(csv.reader(io.StringIO(sheet((), [(name,)]), newline="")))[1:]

    assert cell == f"'{name}"


@given(st.lists(st.tuples(st.text(), st.integers())))
def test_everything_is_read_back(rows: list[tuple[str, int]]) -> None:
    header, *read = csv.reader(io.StringIO(sheet(("name", "amount"), rows), newline=""))

    assert header == ["name", "amount"]
    assert [(name.removeprefix("'"), amount) for name, amount in read] == [
        (name.removeprefix("'"), str(amount)) for name, amount in rows
    ]
    assert not any(name.startswith(("=", "+", "-", "@", "\t", "\r")) for name, _ in read)


@pytest.mark.parametrize(
    ("cost", "text"),
    [(0, "0.000000"), (1, "0.000001"), (50_000_000, "50.000000"), (None, "")],
)
def test_money_is_exact(cost: int | None, text: str) -> None:
    assert money(cost) == text

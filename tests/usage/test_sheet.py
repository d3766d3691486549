"""Sheets: RFC 4180, and nothing that a spreadsheet would calculate."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.usage.sheet import money, sheet


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

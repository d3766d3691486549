"""Rows that are inserted are read back as they were given, bytes among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extauth.storage.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.storage.database import ColumnValue

    Row = tuple[ColumnValue, ...]

SCHEMA = (
    "CREATE TABLE things (number INTEGER PRIMARY KEY, head BLOB, name TEXT, tail BLOB, at REAL)"
)
COLUMNS = ("number", "head", "name", "tail", "at")

some_rows = st.lists(
    st.tuples(
        st.integers(-(2**53), 2**53),
        st.binary(max_size=40),
        st.none() | st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")),
        st.binary(max_size=5_000),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    unique_by=lambda row: row[0],
    max_size=20,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "things.db", SCHEMA, synchronous="NORMAL")
    yield database
    database.close()


def found(database: SqliteDatabase) -> list[Row]:
    with database.reading() as session:
        return session.rows(f"SELECT {', '.join(COLUMNS)} FROM things ORDER BY number")  # noqa: S608


@given(rows=some_rows)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_read_back_as_they_were_inserted(
    database: SqliteDatabase, rows: list[Row]
) -> None:
    with database.writing() as session:
        session.run("DELETE FROM things")
        session.insert("things", COLUMNS, rows)

    assert found(database) == sorted(rows, key=lambda row: row[0])  # type: ignore[arg-type, return-value]  # a number


def test_a_table_without_bytes_takes_rows_too(database: SqliteDatabase) -> None:
    with database.writing() as session:
        session.insert("things", ("number", "name"), [(1, "a"), (2, None)])

    assert found(database) == [(1, None, "a", None, None), (2, None, None, None, None)]


def test_nothing_is_inserted_when_one_row_can_not_be(database: SqliteDatabase) -> None:
    with pytest.raises(Exception, match="UNIQUE"), database.writing() as session:
        session.insert("things", ("number", "head"), [(1, b"a"), (1, b"b")])

    with database.writing():
        pass
    assert found(database) == []

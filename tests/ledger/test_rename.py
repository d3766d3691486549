"""An erased person's usage continues under a pseudonym, and the name is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.ledger import Counter
from extauth.ledger.reports import report
from extauth.types import Account, CalendarPeriod, Lifetime, Limit, TokenBucket
from extauth.types.pseudonyms import Pseudonyms
from tests.ledger.contract import (
    ADA,
    NOW,
    Books,
    EmbeddedBooks,
    RedisBooks,
    demand,
    reserve,
    settle,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.redis_server import RedisServer

NAMES = {"acme/ada": "acme/erased-1", "user:ada@example.com": "user:erased-1"}
WINDOWS = (60, TokenBucket(1, 60), CalendarPeriod("month"), Lifetime())
OF = ("principal:{}", "user:ada@example.com|model:chat")
LIMITS = [
    Limit(f"limit-{at}", of.format("acme/ada"), "tokens", window, 1000, warn_at=(1,))
    for at, (window, of) in enumerate((window, of) for window in WINDOWS for of in OF)
]
TENANT = Limit("tenant", "tenant:acme", "tokens", 60, 1000)
OTHER = Limit("other", "principal:acme/adam", "tokens", 60, 1000)


@pytest.fixture(params=["embedded", "redis"])
async def books(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer
) -> AsyncIterator[Books]:
    made: Books = (
        EmbeddedBooks(tmp_path) if request.param == "embedded" else RedisBooks(redis_server)
    )
    await made.open()
    yield made
    await made.close()


async def spend(books: Books, tokens: int, *limits: Limit) -> None:
    await settle(books, await reserve(books, demand(*limits, worst=tokens)), tokens)


async def counted(books: Books, *limits: Limit) -> list[int]:
    counters = [Counter(each.key, each.unit, each.window) for each in limits]
    return list(await books.ledger.usage(counters, books.time()))


def pseudonymous(limit: Limit) -> Limit:
    key = Pseudonyms(NAMES).of(limit.key)
    return Limit(limit.name, key, limit.unit, limit.window, limit.max)


async def test_counters_go_on_in_every_kind_of_window(books: Books) -> None:
    await spend(books, 10, *LIMITS, TENANT, OTHER)

    moved = await books.ledger.rename(NAMES, books.time())

    assert moved.left == 0
    assert moved.rows >= len(LIMITS) + 1
    assert await counted(books, *map(pseudonymous, LIMITS)) == [10] * len(LIMITS)
    assert await counted(books, *LIMITS, TENANT, OTHER) == [0] * len(LIMITS) + [10, 10]
    await books.die()
    assert await counted(books, *map(pseudonymous, LIMITS), TENANT) == [10] * (len(LIMITS) + 1)
    assert [each.counter.key for each in await books.ledger.standing("*", books.time())].count(
        "principal:acme/ada"
    ) == 0


async def test_sums_of_the_usage_report_stay_right(books: Books) -> None:
    await spend(books, 10, TENANT)
    await books.ledger.rename(NAMES, books.time())
    await spend(books, 5, TENANT)
    await books.ledger.rename(NAMES, books.time())

    rows = report(books.lines(), by=("tenant", "principal"))

    assert [(row.group["principal"], row.requests, row.completion_tokens) for row in rows] == [
        ("acme/erased-1", 2, 15)
    ]


async def test_a_second_time_there_is_nothing_to_do(books: Books) -> None:
    await spend(books, 10, *LIMITS)
    await books.ledger.rename(NAMES, books.time())

    assert await books.ledger.rename(NAMES, books.time()) == (0, 0)


async def test_who_comes_back_and_is_erased_again_counts_together(books: Books) -> None:
    await spend(books, 10, *LIMITS)
    await books.ledger.rename(NAMES, books.time())
    await spend(books, 7, *LIMITS)
    await books.ledger.rename(NAMES, books.time())

    assert await counted(books, *map(pseudonymous, LIMITS)) == [17] * len(LIMITS)


async def test_a_request_that_runs_is_settled_once(books: Books) -> None:
    """A shared ledger can't notify the process that has it: another call renames the rest."""
    reservation = await reserve(books, demand(*LIMITS, worst=10))

    moved = await books.ledger.rename(NAMES, books.time())
    still = await books.ledger.rename(NAMES, books.time())
    await settle(books, reservation, 4)
    again = await books.ledger.rename(NAMES, books.time())

    assert (moved.left > 0, still.left > 0, again.left) == (True, True, 0)
    assert await counted(books, *map(pseudonymous, LIMITS)) == [4] * len(LIMITS)
    assert await counted(books, *LIMITS) == [0] * len(LIMITS)
    assert {line.account.principal for line, _ in books.lines()} == {"acme/erased-1"}


async def test_no_byte_of_the_name_stays_in_the_files(tmp_path: Path) -> None:
    books = EmbeddedBooks(tmp_path)
    await books.open()
    for number in range(50):
        await spend(books, 1, *LIMITS, Limit(f"l{number}", f"x:{number}", "tokens", 60, 100))
    await reserve(books, demand(*LIMITS, worst=1))
    await books.ledger.rename(NAMES, books.time())

    found = [
        file.name
        for file in tmp_path.rglob("*")
        if file.is_file() and any(name in file.read_bytes() for name in (b"acme/ada", b"ada@"))
    ]
    await books.close()
    assert found == []


async def test_a_process_that_was_killed_in_between_does_it_at_its_next_start(
    tmp_path: Path,
) -> None:
    books = EmbeddedBooks(tmp_path)
    await books.open()
    await spend(books, 10, *LIMITS)
    await books.close()
    journal = tmp_path / "ledger.journal"
    entry = json.dumps(["renamed", NOW, NAMES]) + "\n"
    (journal / "0000009999.jsonl").write_text(entry)

    await books.open()

    assert await counted(books, *map(pseudonymous, LIMITS)) == [10] * len(LIMITS)
    assert {line.account for line, _ in books.lines()} == {
        Account(ADA.tenant, "acme/erased-1", ADA.model, ADA.version, ADA.team)
    }
    await books.close()


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        ("principal:acme/ada", "principal:acme/erased-1"),
        ("principal:acme/ada|model:chat", "principal:acme/erased-1|model:chat"),
        ("denied to acme/ada.", "denied to acme/erased-1."),
        ('"acme/ada"', '"acme/erased-1"'),
        ("acme/a|da", "acme/erased-2"),
        ("principal:acme/a||da|model:chat", "principal:acme/erased-2|model:chat"),
        ("acme/adam", "acme/adam"),
        ("acme/ada.b", "acme/ada.b"),
        ("acme/ada-2", "acme/ada-2"),
        ("big-acme/ada", "big-acme/ada"),
        ("user:ada@example.com", "user:erased-1"),
    ],
)
def test_a_name_is_replaced_as_a_whole_only(text: str, renamed: str) -> None:
    pseudonyms = Pseudonyms({**NAMES, "acme/a|da": "acme/erased-2"})

    assert pseudonyms.of(text) == renamed
    assert pseudonyms.stand_in(text.encode()) == (text != renamed)


@given(st.text(), st.text(), st.text(min_size=1))
def test_what_is_blotted_out_is_as_long_and_gone(before: str, after: str, name: str) -> None:
    pseudonyms = Pseudonyms({f"acme/{name}": "x"})
    text = f"{before} acme/{name} {after}"
    data = text.encode(errors="replace")

    blotted = pseudonyms.blotted(data)

    assert len(blotted) == len(data)
    assert not pseudonyms.stand_in(blotted)

"""Counters as people see and change them, and the usage report, on both ledgers."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from extauth.ledger import Counter
from extauth.types import (
    Account,
    CalendarPeriod,
    Limit,
    Usage,
)
from tests.ledger.contract import (
    ADA,
    DAY,
    KEY,
    ONCE,
    SLOTS,
    Books,
    demand,
    limit,
    refused,
    reserve,
    settle,
    spend,
    used,
)


async def test_people_see_every_counter_of_a_key(books: Books) -> None:
    await spend(books, DAY, 100)
    await reserve(books, demand(DAY, SLOTS, limit("seconds", 60, 9), worst=Usage(0, 50, 0, 900)))
    await spend(books, Limit("theirs", "tenant:acme2", "tokens", 60, 10), 5)

    found = {each.counter.unit: each for each in await books.ledger.standing(KEY, books.time())}

    assert set(found) == {"tokens", "slots", "seconds"}
    tokens, slots = found["tokens"], found["slots"]
    assert (tokens.name, tokens.max, tokens.used, tokens.held) == ("daily", 1000, 100, 50)
    assert tokens.resets_at == datetime(2026, 9, 22, tzinfo=ZoneInfo("UTC")).timestamp()
    assert (slots.max, slots.used, slots.held) == (2, 0, 1)
    assert found["seconds"].max == 9
    keys = {each.counter.key for each in await books.ledger.standing("tenant:*", books.time())}
    assert keys == {KEY, "tenant:acme2"}


async def test_a_key_is_taken_as_it_is_written(books: Books) -> None:
    await spend(books, Limit("odd", "user:[a]?\\", "tokens", 60, 10), 5)

    assert len(await books.ledger.standing("user:[a]?*", books.time())) == 1
    assert await books.ledger.standing("user:?*", books.time()) == ()


async def test_a_reset_forgets_what_is_booked_and_keeps_what_is_held(books: Books) -> None:
    watched = limit("tokens", 60, 1000, warn_at=(50,))
    assert await spend(books, watched, 600) == [50]
    await reserve(books, demand(watched, ONCE, worst=100))

    assert await books.ledger.reset(KEY, books.time()) == 2
    assert await used(books, watched) == 100
    assert await spend(books, watched, 600) == [50]


async def test_a_grant_makes_room_in_the_current_window(books: Books) -> None:
    counter = Counter(KEY, "tokens", CalendarPeriod("day"))
    await spend(books, DAY, 1000)
    await books.ledger.grant(counter, 200, books.time())
    await spend(books, DAY, 200)
    await refused(books, demand(DAY, worst=1))
    books.time.now += 86_400
    await refused(books, demand(DAY, worst=1001))


async def test_usage_is_reported_by_day_and_account(books: Books) -> None:
    bob = Account("acme", "acme/bob", "chat", "2")
    for tokens in (1, 2):
        await settle(books, await reserve(books, demand()), Usage(10, tokens, 5, 70))
    books.time.now += 86_400
    theirs = await books.ledger.reserve(bob, demand(), books.time())
    await settle(books, theirs, 9)

    found = {(line.day, line.account): sums for line, sums in books.lines()}

    assert set(found) == {("2026-09-21", ADA), ("2026-09-22", bob)}
    ours = found["2026-09-21", ADA]
    assert (ours.requests, ours.prompt_tokens, ours.completion_tokens) == (2, 20, 3)
    assert (ours.cost, ours.milliseconds, ours.unsettled) == (10, 140, 0)

"""Every promise of the ledger's protocol, on the embedded and on the shared ledger."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, get_args

import pytest

from extauth.errors import LedgerUnavailable, LimitExceeded, PolicyError
from extauth.ledger import Counter
from extauth.types import (
    CalendarPeriod,
    Lifetime,
    Limit,
    TokenBucket,
    Unit,
    Usage,
)
from tests.ledger.contract import (
    ADA,
    DAY,
    KEY,
    NOW,
    RPM,
    SLOTS,
    TPM,
    Books,
    demand,
    limit,
    refused,
    release,
    reserve,
    settle,
    spend,
    until_used,
    usage,
    used,
)

if TYPE_CHECKING:
    from extauth.types import Window


async def test_a_request_counts_from_its_reservation_on(books: Books) -> None:
    reservation = await reserve(books, demand(RPM))

    assert await used(books, RPM) == 1
    await settle(books, reservation)
    assert await used(books, RPM) == 1


async def test_the_worst_case_is_held_until_what_was_used_takes_its_place(books: Books) -> None:
    reservation = await reserve(books, demand(TPM, worst=Usage(100, 500)))

    assert await used(books, TPM) == 600
    await settle(books, reservation, Usage(100, 50))
    assert await used(books, TPM) == 150


async def test_what_was_used_beyond_the_worst_case_counts_all_the_same(books: Books) -> None:
    await settle(books, await reserve(books, demand(TPM, worst=10)), 1500)

    assert await used(books, TPM) == 1500
    assert (await refused(books, demand(TPM, worst=1))).states[0].remaining == 0


async def test_a_release_gives_everything_back(books: Books) -> None:
    reservation = await reserve(books, demand(RPM, TPM, SLOTS, worst=500))
    books.time.now += 5
    await release(books, reservation)

    assert [await used(books, each) for each in (RPM, TPM, SLOTS)] == [0, 0, 0]
    assert books.lines() == []


async def test_only_the_first_end_counts(books: Books) -> None:
    first, second = [await reserve(books, demand(RPM, TPM, worst=100)) for _ in range(2)]
    await settle(books, first, 50)
    await release(books, second)
    for reservation in (first, second):
        await settle(books, reservation, 70)
        await release(books, reservation)

    assert [await used(books, each) for each in (RPM, TPM)] == [1, 50]
    ((_, line),) = books.lines()
    assert (line.requests, line.completion_tokens) == (1, 50)


async def test_limits_are_reserved_all_or_none(books: Books) -> None:
    await spend(books, TPM, 900)
    other = Limit("other", "tenant:globex", "tokens", 60, 1000)

    await refused(books, demand(other, RPM, SLOTS, TPM, worst=200))

    assert [await used(books, each) for each in (other, RPM, SLOTS, TPM)] == [0, 0, 0, 900]
    assert books.ledger.open == 0


@pytest.mark.parametrize("unit", [unit for unit in get_args(Unit) if unit != "slots"])
async def test_every_unit_is_limited(books: Books, unit: Unit) -> None:
    each = Usage(prompt_tokens=40, completion_tokens=20, cost=60, milliseconds=60_000)
    amounts = {"requests": 1, "prompt_tokens": 40, "completion_tokens": 20}
    counted = limit(unit, 3600, 2 * amounts.get(unit, 60))

    for _ in range(2):
        await settle(books, await reserve(books, demand(counted, worst=each)), each)

    assert await used(books, counted) == counted.max
    assert (await refused(books, demand(counted, worst=each))).code == "limit"


async def test_a_request_without_a_price_is_limited_by_its_tokens(books: Books) -> None:
    free = Usage(500, 400, cost=0)
    budget = limit("cost", 3600, 10)

    await settle(books, await reserve(books, demand(budget, TPM, worst=free)), free)

    assert (await refused(books, demand(budget, TPM, worst=free))).limit == TPM


async def test_slots_are_held_to_the_end_and_never_booked(books: Books) -> None:
    first, second = [await reserve(books, demand(SLOTS)) for _ in range(2)]
    error = await refused(books, demand(SLOTS))
    await settle(books, first)
    third = await reserve(books, demand(SLOTS))
    await release(books, second)
    await settle(books, third)

    assert error.retry_after == 1.0
    assert await used(books, SLOTS) == 0


async def test_the_limit_that_has_to_wait_longest_is_the_one_that_refuses(books: Books) -> None:
    for _ in range(3):
        await settle(books, await reserve(books, demand(RPM, DAY, worst=300)), 300)

    error = await refused(books, demand(RPM, DAY, worst=300))

    assert (error.code, error.limit) == ("daily", DAY)
    assert [state.remaining for state in error.states] == [0, 100]


async def test_a_request_that_is_larger_than_a_limit_never_fits(books: Books) -> None:
    error = await refused(books, demand(RPM, TPM, worst=1001))

    assert (error.limit, error.retry_after) == (TPM, None)


async def test_only_what_is_held_is_in_the_way(books: Books) -> None:
    await reserve(books, demand(TPM, worst=900))

    assert (await refused(books, demand(TPM, worst=200))).retry_after == 1.0


async def test_a_clamp_grants_what_is_left(books: Books) -> None:
    clamped = limit("tokens", 60, 100, on_exceed="clamp")
    await spend(books, clamped, 70)

    reservation = await reserve(books, demand(clamped, worst=80, least=10))

    assert reservation.granted == (30,)
    assert await used(books, clamped) == 100
    await settle(books, reservation, 5)
    assert await used(books, clamped) == 75


async def test_a_clamp_never_grants_less_than_makes_sense(books: Books) -> None:
    clamped = limit("tokens", 60, 100, on_exceed="clamp")
    await spend(books, clamped, 70)

    error = await refused(books, demand(clamped, worst=80, least=31))

    assert error.retry_after is not None
    books.time.now += error.retry_after
    assert (await reserve(books, demand(clamped, worst=80, least=31))).granted == (80,)


async def test_a_limit_that_only_warns_lets_pass_and_counts(books: Books) -> None:
    warning = limit("tokens", 60, 100, on_exceed="warn", warn_at=(100,))

    assert await spend(books, warning, 90) == []
    assert await spend(books, warning, 90) == [100]
    assert await used(books, warning) == 180


async def test_limits_of_one_counter_count_together(books: Books) -> None:
    await spend(books, TPM, 600)
    other = Limit("other", KEY, "tokens", 60, 700)

    assert (await refused(books, demand(other, worst=200))).states[0].remaining == 100


async def test_a_counter_that_is_named_twice_counts_once(books: Books) -> None:
    wide = Limit("wide", KEY, "tokens", 60, 2000)
    reservation = await reserve(
        books, demand(TPM, wide, worst=400, counters=(Counter(KEY, "tokens", 60),))
    )

    assert await used(books, TPM) == 400
    await settle(books, reservation, 100)
    assert await used(books, TPM) == 100


async def test_counters_count_without_a_limit(books: Books) -> None:
    counters = tuple(Counter("model:chat", unit, 60) for unit in ("requests", "tokens", "cost"))
    unknown = Counter("model:other", "tokens", CalendarPeriod("month"))
    reservation = await reserve(books, demand(worst=Usage(5, 10, 30), counters=counters))

    assert await books.ledger.usage((*counters, unknown), books.time()) == (1, 15, 30, 0)
    await settle(books, reservation, Usage(5, 1, 12))
    assert await books.ledger.usage((unknown, *counters), books.time()) == (0, 1, 6, 12)


async def test_thresholds_are_told_once_a_window(books: Books) -> None:
    watched = limit("tokens", CalendarPeriod("day"), 1000, warn_at=(50, 80, 100))

    assert await spend(books, watched, 499) == []
    assert await spend(books, watched, 1) == [50]
    assert await spend(books, watched, 200) == []
    assert await spend(books, watched, 300) == [80, 100]
    books.time.now += 86_400
    assert await spend(books, watched, 600) == [50]


@pytest.mark.parametrize(
    ("window", "after"), [(60, 61), (TokenBucket(100, 60), 61), (CalendarPeriod("hour"), 3600)]
)
async def test_a_threshold_is_told_again_in_the_next_window(
    books: Books, window: Window, after: float
) -> None:
    watched = limit("tokens", window, 100, warn_at=(100,))

    assert await spend(books, watched, 100) == [100]
    books.time.now += after + 2
    assert await spend(books, watched, 100) == [100]


async def test_a_threshold_of_requests_is_told_when_one_ends(books: Books) -> None:
    watched = limit("requests", Lifetime(), 2, warn_at=(50, 100))
    first, second = [await reserve(books, demand(watched)) for _ in range(2)]
    (half, whole) = await books.ledger.settle(first, Usage(), books.time())

    assert (half.percent, whole.percent) == (50, 100)
    assert (half.limit, half.used, half.resets_at) == (watched, 2, None)
    assert await settle(books, second) == []


async def test_what_was_told_stays_told_after_a_death(books: Books) -> None:
    watched = limit("tokens", 3600, 100, warn_at=(50,))
    assert await spend(books, watched, 50) == [50]
    await books.die()

    assert await spend(books, watched, 10) == []


async def test_a_dead_process_has_used_what_is_known(books: Books) -> None:
    await reserve(books, demand(RPM, TPM, SLOTS, worst=Usage(100, 500), known=Usage(100)))
    assert await used(books, TPM) == 600
    await books.die()

    assert [await used(books, each) for each in (RPM, TPM, SLOTS)] == [1, 100, 0]
    assert books.ledger.open == 0
    ((line, sums),) = books.lines()
    assert line.account == ADA
    assert (sums.requests, sums.prompt_tokens, sums.unsettled) == (1, 100, 1)


async def test_what_a_dead_process_had_got_to_counts(books: Books) -> None:
    reservation = await reserve(books, demand(TPM, worst=Usage(100, 500), known=Usage(100)))
    for tokens in (20, 80):
        progress = Usage(100, tokens, 7, 900)
        await books.ledger.progress(reservation, progress, books.time())
    assert await used(books, TPM) == 600
    await books.die()

    assert await used(books, TPM) == 180
    ((_, sums),) = books.lines()
    assert (sums.completion_tokens, sums.cost, sums.milliseconds, sums.unsettled) == (80, 7, 900, 1)


async def test_progress_after_the_end_changes_nothing(books: Books) -> None:
    reservation = await reserve(books, demand(TPM, worst=500))
    await settle(books, reservation, 50)
    await books.ledger.progress(reservation, usage(400), books.time())
    await books.die()

    assert await used(books, TPM) == 50


@pytest.mark.parametrize("window", [3600, TokenBucket(1, 3600), CalendarPeriod("day"), Lifetime()])
async def test_limits_go_on_after_a_death(books: Books, window: Window) -> None:
    counted = limit("tokens", window, 100)
    await spend(books, counted, 70)
    await books.die()

    assert await used(books, counted) == 70


async def test_time_only_goes_forward(books: Books) -> None:
    await spend(books, TPM, 1000)
    books.time.now -= 3600
    await refused(books, demand(TPM, worst=1))
    await spend(books, DAY, 10)
    books.time.now = NOW + 62
    assert await used(books, TPM) == 0


async def test_parallel_requests_spend_no_more_than_the_limit(books: Books) -> None:
    asked = demand(limit("tokens", 60, 100), worst=30)
    answers = await asyncio.gather(
        *(reserve(books, asked) for _ in range(5)), return_exceptions=True
    )

    assert sum(isinstance(answer, LimitExceeded) for answer in answers) == 2
    assert books.ledger.open == 3


async def test_two_hundred_clients_race_on_one_limit(books: Books) -> None:
    async def client(number: int) -> int:
        admitted, tokens = 0, 3 + number % 9
        while True:
            try:
                reservation = await reserve(books, demand(TPM, worst=tokens))
            except LimitExceeded:
                return admitted
            await settle(books, reservation, tokens)
            admitted += tokens

    admitted = sum(await asyncio.gather(*(client(number) for number in range(200))))

    assert 1000 - 3 < admitted <= 1000
    assert await used(books, TPM) == admitted


async def test_cancelling_the_caller_does_not_undo_a_settlement(books: Books) -> None:
    reservation = await reserve(books, demand(TPM, SLOTS, worst=500))
    task = asyncio.create_task(settle(books, reservation, 50))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await until_used(books, TPM, 50)
    assert await used(books, SLOTS) == 0
    assert len(books.lines()) == 1


async def test_a_caller_that_is_cancelled_while_it_reserves_leaves_nothing(books: Books) -> None:
    tasks = [asyncio.create_task(reserve(books, demand(TPM, worst=10))) for _ in range(20)]
    for wait in range(20):
        await asyncio.sleep(0.0002 * wait)
        tasks[wait].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    for answer in answers:
        if not isinstance(answer, BaseException):
            await release(books, answer)

    await until_used(books, TPM, 0)


@pytest.mark.parametrize("wrong", [Usage(-1), Usage(2**53)])
async def test_what_can_not_be_counted_is_refused(books: Books, wrong: Usage) -> None:
    with pytest.raises((LedgerUnavailable, LimitExceeded)):
        await reserve(books, demand(TPM, worst=wrong))


async def test_a_time_zone_that_nobody_knows_is_the_policy_s_fault(books: Books) -> None:
    with pytest.raises(PolicyError):
        await reserve(books, demand(limit("tokens", CalendarPeriod("day", "Mars/Olympus"), 1)))


async def test_a_closed_ledger_refuses(books: Books) -> None:
    reservation = await reserve(books, demand(TPM))
    await books.close()

    assert books.ledger.failure is not None
    for call in (
        reserve(books, demand(TPM)),
        settle(books, reservation),
        release(books, reservation),
        books.ledger.usage((Counter(KEY, "tokens", 60),), NOW),
        books.ledger.standing(KEY, NOW),
        books.ledger.reset(KEY, NOW),
    ):
        with pytest.raises(LedgerUnavailable):
            await call

"""A transaction ends once, and its books are right however it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from extauth.audit import Outcome
from extauth.errors import (
    BackendError,
    Forbidden,
    GatewayError,
    InvalidRequest,
    LedgerUnavailable,
    LimitExceeded,
    NotFound,
    PolicyError,
    Unauthenticated,
)
from extauth.gateway.transaction import outcome_of
from extauth.ledger import Counter
from extauth.ledger.redis import RedisLedger
from extauth.types import Counters, Usage
from tests.gateway.served import NOW, generated
from tests.redis_server import private_redis

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extauth.gateway.transaction import Transaction
    from tests.gateway.served import Served
    from tests.redis_server import RedisServer

__all__ = ["private_redis"]

USED = Usage(5, 7)
ENDINGS: dict[str, Callable[[Transaction], Awaitable[None]]] = {
    "served": lambda transaction: transaction.close(Outcome.SERVED, status=200),
    "failed": lambda transaction: transaction.refuse(BackendError("The model failed.")),
    "disconnected": lambda transaction: transaction.disconnected(),
}


async def test_what_is_reserved_counts_until_it_is_settled(served: Served) -> None:
    transaction, dispatch = await served.dispatch()
    assert await served.counted() == Counters(1, dispatch.worst_case.total_tokens)
    transaction.usage = USED
    await transaction.close(Outcome.SERVED, status=200)
    assert await served.counted() == Counters(1, 12)
    assert served.charged() == USED


@pytest.mark.parametrize("ending", ENDINGS)
async def test_without_known_usage_the_reservation_is_given_back(
    served: Served, ending: str
) -> None:
    transaction, _ = await served.dispatch()
    await ENDINGS[ending](transaction)
    assert await served.counted() == Counters()
    assert (await served.record()).usage is None


@pytest.mark.parametrize("first", ENDINGS)
@pytest.mark.parametrize("second", ENDINGS)
async def test_only_the_first_end_counts(served: Served, first: str, second: str) -> None:
    transaction, _ = await served.dispatch()
    transaction.usage = USED
    await ENDINGS[first](transaction)
    transaction.usage = Usage(1000, 1000)
    await ENDINGS[second](transaction)
    assert await served.counted() == Counters(1, 12)
    record = await served.record()
    assert (record.outcome, record.usage) == (Outcome(first), USED)


async def test_ends_at_the_same_time_are_one_end(served: Served) -> None:
    transaction, _ = await served.dispatch()
    transaction.usage = USED
    await asyncio.gather(*(end(transaction) for end in ENDINGS.values()))
    assert served.charged() == USED
    assert (await served.record()).outcome is Outcome.SERVED


async def test_the_snapshot_stays_open_until_its_last_request_ends(served: Served) -> None:
    requests = served.begin(), served.begin()
    one, two = (request.transaction for request in requests)
    retiring = asyncio.ensure_future(served.runtime.retire())
    await one.disconnected()
    await one.disconnected()
    await asyncio.sleep(0)
    assert not retiring.done()
    await requests[1].headers(end=False)
    await two.close(Outcome.SERVED, status=200)
    await asyncio.wait_for(retiring, 1)


async def test_a_ledger_that_can_not_settle_is_told_and_recorded(served: Served) -> None:
    transaction, _ = await served.dispatch()
    transaction.usage = USED
    await served.ledger.close()
    with pytest.raises(LedgerUnavailable):
        await transaction.close(Outcome.SERVED, status=200)
    record = await served.record()
    assert (record.outcome, record.status, record.error) == (
        Outcome.FAILED,
        503,
        "ledger_unavailable",
    )
    await asyncio.wait_for(served.runtime.retire(), 1)


async def test_an_end_that_is_cancelled_is_ended_by_the_request(
    served: Served, private_redis: RedisServer
) -> None:
    ledger = served.books.ledger = RedisLedger(private_redis.url, name="test", patience=1.0)
    await ledger.start()
    request, _ = await served.exchange()
    await request.answer_headers(200, {"content-type": "application/json"}, end=False)
    private_redis.pause()
    ending = asyncio.create_task(request.chunk(generated("Hello.", tokens=2), end=True))
    await asyncio.sleep(0)
    assert request.transaction.closed
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert not request.transaction.closed

    private_redis.resume()
    await served.leave(request)
    counted = await ledger.usage([Counter("principal:acme/ada", "tokens", 60)], NOW)
    await ledger.close()
    record = await served.record()
    assert (record.outcome, record.status) == (Outcome.DISCONNECTED, 499)
    assert record.usage is not None
    assert record.usage.completion_tokens == 2
    assert counted == (record.usage.total_tokens,)
    await asyncio.wait_for(served.runtime.retire(), 1)


async def test_a_record_says_all_that_was_found_out(served: Served) -> None:
    transaction, _ = await served.dispatch()
    transaction.usage = USED
    await transaction.close(Outcome.SERVED, status=200)
    record = await served.record()
    assert record.request_id == "r1"
    assert record.snapshot == served.runtime.snapshot.digest
    assert record.principal is not None
    assert record.principal.id == "acme/ada"
    assert record.facts is not None
    assert record.facts.tokens is not None
    assert record.route is not None
    assert (record.route.model, record.usage, record.engine) == ("chat", USED, "wasm")
    assert {"identify", "admission", "parse", "read", "inference", "reserve"} <= set(record.timings)
    assert "Say hello" not in str(record)


async def test_a_request_that_never_left_was_routed_nowhere(served: Served) -> None:
    transaction, dispatch = await served.dispatch()
    await transaction.disconnected()
    refused = served.begin().transaction
    refused.entry.decision = transaction.entry.decision
    await refused.refuse(LimitExceeded("The limit has no room."))
    went, stayed = await served.records()
    assert (went.route, stayed.route) == (dispatch.route, None)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Unauthenticated("No."), Outcome.DENIED),
        (Forbidden("No."), Outcome.DENIED),
        (Forbidden("The policy finds it unprocessable.", status=422), Outcome.DENIED),
        (Forbidden("The law forbids it.", status=451), Outcome.DENIED),
        (NotFound("No."), Outcome.DENIED),
        (PolicyError("undefined"), Outcome.DENIED),
        (LimitExceeded("Later."), Outcome.LIMITED),
        (InvalidRequest("What?"), Outcome.INVALID),
        (GatewayError("Sorry."), Outcome.FAILED),
    ],
)
def test_an_outcome_says_whose_doing_it_was(error: GatewayError, outcome: Outcome) -> None:
    assert outcome_of(error) is outcome


async def test_intervals_follow_each_other_and_add_up_to_the_timings(served: Served) -> None:
    transaction, _ = await served.dispatch()
    await transaction.disconnected()
    intervals = transaction.intervals
    assert [one.start for one in intervals[1:]] == [one.end for one in intervals[:-1]]
    assert all(one.start <= one.end for one in intervals)
    spent: dict[str, int] = {}
    for one in intervals:
        spent[one.stage] = spent.get(one.stage, 0) + (one.end - one.start) // 1000
    assert (await served.record()).timings == spent


async def test_a_stage_that_was_entered_twice_took_the_time_of_both(served: Served) -> None:
    transaction = served.begin().transaction
    for stage in ("reserve", "rewrite", "reserve"):
        transaction.mark(stage)
    first, between, second = transaction.intervals
    both = (first.end - first.start) // 1000 + (second.end - second.start) // 1000
    assert transaction.timings == {
        "reserve": both,
        "rewrite": (between.end - between.start) // 1000,
    }
    await transaction.disconnected()

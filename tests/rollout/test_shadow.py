"""A shadow compares, and nothing else is any different for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from prometheus_client.exposition import generate_latest

from extauth.policy import Entrypoint
from extauth.rollout import Mode
from extauth.rollout import shadow as shadowing
from extauth.rollout.record import ShadowTally, end_interrupted, load
from tests.gateway.served import CHAT, ROUTE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rollout.conftest import Bench

pytestmark = pytest.mark.slow

BODIES = (
    CHAT,
    {**CHAT, "model": "none"},
    {**CHAT, "max_tokens": 100_000},
    {**CHAT, "messages": [{"role": "user", "content": "Write to ada@example.com."}]},
    {**CHAT, "messages": []},
    {},
)


def tallied(bench: Bench) -> ShadowTally:
    record = load(bench.directory, Mode.SHADOW)
    assert record is not None
    assert record.tally is not None
    return record.tally


async def every_answer(bench: Bench) -> list[tuple[object, ...]]:
    return [
        await bench.ask(body, who=who, request_id=f"{who}-{number}")
        for who in ("ada", "bob", "root")
        for number, body in enumerate(BODIES)
        # The nonce of a placeholder is drawn anew for each request.
        if number != 3
    ]


@pytest.mark.parametrize(
    ("policy", "data"),
    [
        ("shipped", {}),
        ("decided", {"decisions": {"admission": {"allow": False}}}),
        ("failing", {"fails": "conflict"}),
        ("failing", {"fails": "loop"}),
    ],
)
async def test_responses_are_the_same_with_any_shadow(
    bench: Bench, policy: str, data: dict[str, object]
) -> None:
    without = await every_answer(bench)
    await bench.start(Mode.SHADOW, policy, **data)
    assert await every_answer(bench) == without


async def test_the_live_policies_shadow_themselves_without_a_difference(bench: Bench) -> None:
    trial = await bench.start(Mode.SHADOW)
    await every_answer(bench)
    await trial.stop("done")
    tally = tallied(bench)
    assert tally.compared == tally.equal == 15
    assert (tally.counts, tally.errors, tally.dropped) == ((), {}, 0)


async def test_a_new_deny_is_counted_by_rule_and_tenant(
    bench: Bench, denied: Callable[..., dict[str, object]]
) -> None:
    trial = await bench.start(Mode.SHADOW, "decided", **denied("tokens.too_many"))
    await bench.ask(request_id="one")
    await bench.ask(request_id="two")
    await bench.ask(who="root", request_id="three")
    await trial.stop("done")
    tally = tallied(bench)
    assert (tally.compared, tally.equal, tally.differences) == (3, 0, {"new_denies": 3})
    assert [(count.rule, count.tenant, count.requests) for count in tally.counts] == [
        ("tokens.too_many", "acme", 2),
        ("tokens.too_many", "platform", 1),
    ]
    assert [example.request_id for example in tally.examples] == ["one", "two", "three"]
    scraped = generate_latest(bench.served.metrics).decode()
    line = 'sluice_shadow_requests_total{difference="new_denies",rule="tokens.too_many"} 3.0'
    assert line in scraped


async def test_a_deny_without_a_rule_is_counted_too(bench: Bench) -> None:
    trial = await bench.start(Mode.SHADOW, "decided", decisions={"admission": {"allow": False}})
    await bench.ask()
    await trial.stop("done")
    (count,) = tallied(bench).counts
    assert (count.rule, count.requests, len(tallied(bench).examples)) == ("", 1, 1)


async def test_a_new_allow_is_counted_under_the_rule_that_denied(bench: Bench) -> None:
    allow = {"allow": True, "route": ROUTE, "obligations": []}
    decisions = {"admission": {"allow": True}, "inference": allow}
    trial = await bench.start(Mode.SHADOW, "decided", decisions=decisions)
    assert (await bench.ask({**CHAT, "max_tokens": 5000}, who="bob"))[0] == 403
    await trial.stop("done")
    tally = tallied(bench)
    assert tally.differences == {"new_allows": 1}
    assert [count.rule for count in tally.counts] == ["tokens.completion"]


async def test_other_obligations_and_routes_are_named(bench: Bench) -> None:
    allow = {"allow": True, "route": {**ROUTE, "version": "2"}, "obligations": []}
    decisions = {"admission": {"allow": True}, "inference": allow}
    trial = await bench.start(Mode.SHADOW, "decided", decisions=decisions)
    await bench.ask()
    await trial.stop("done")
    tally = tallied(bench)
    assert tally.differences == {"changed_obligations": 1, "changed_routes": 1}
    assert {"chat@1 to chat@2", "limit tenant-tokens"} <= {count.rule for count in tally.counts}


@pytest.mark.parametrize(
    "inference",
    [
        {"allow": True, "route": {**ROUTE, "cluster": "elsewhere"}, "obligations": []},
        {"allow": True, "route": {**ROUTE, "model": "unknown"}, "obligations": []},
        {"allow": True, "obligations": []},
        {"allow": True, "route": ROUTE},
        {"allow": "yes"},
    ],
)
async def test_a_decision_that_could_not_be_carried_out_is_an_error(
    bench: Bench, inference: dict[str, object]
) -> None:
    decisions = {"admission": {"allow": True}, "inference": inference}
    trial = await bench.start(Mode.SHADOW, "decided", decisions=decisions)
    await bench.ask()
    await trial.stop("done")
    tally = tallied(bench)
    assert (tally.compared, sum(tally.errors.values())) == (0, 1)


async def test_a_candidate_that_loops_is_stopped(bench: Bench) -> None:
    trial = await bench.start(Mode.SHADOW, "failing", fails="loop")
    async with asyncio.timeout(30):
        while trial.running:
            await bench.ask()
            await asyncio.sleep(0)
    await trial.stop("done")
    record = load(bench.directory, Mode.SHADOW)
    assert record is not None
    assert record.failed
    assert record.why is not None
    assert "took too long" in record.why


async def test_what_finds_no_room_is_dropped_and_counted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadowing, "QUEUE", 3)
    trial = await bench.start(Mode.SHADOW)
    live = bench.served.runtime.engine
    transaction, _ = await bench.served.dispatch()
    await transaction.disconnected()
    assert transaction.entry.facts is not None
    assert transaction.entry.principal is not None
    # Nothing here yields, so nothing can be compared before the queue is full.
    for number in range(8):
        part = trial.join(str(number), transaction.entry.principal, live)
        assert part is not None
        await part.decide(Entrypoint.INFERENCE, transaction.entry.facts)
        part.close()
    await trial.stop("done")
    tally = tallied(bench)
    assert tally.compared + tally.dropped == 9
    assert tally.dropped >= 5
    scraped = generate_latest(bench.served.metrics).decode()
    line = 'sluice_shadow_requests_total{difference="dropped",rule=""}'
    assert f"{line} {float(tally.dropped)}" in scraped


async def test_a_share_of_requests_is_compared(bench: Bench) -> None:
    trial = await bench.start(Mode.SHADOW, share=1000)
    transaction, _ = await bench.served.dispatch()
    await transaction.disconnected()
    assert transaction.entry.principal is not None
    live = bench.served.runtime.engine
    parts = [
        trial.join(f"r{number}", transaction.entry.principal, live) for number in range(10_000)
    ]
    assert 900 < sum(part is not None for part in parts) < 1100


async def test_differences_stay_readable_and_a_killed_service_ends_the_trial(
    bench: Bench, denied: Callable[..., dict[str, object]]
) -> None:
    trial = await bench.start(Mode.SHADOW, "decided", **denied("r"))
    await bench.ask()
    await trial.stop("done")
    trial.record.ended = trial.record.why = None
    await trial.start()
    end_interrupted(bench.directory)
    record = load(bench.directory, Mode.SHADOW)
    assert record is not None
    assert (record.running, record.why) == (False, "the service was restarted")
    assert tallied(bench).differences == {"new_denies": 1}

"""A canary serves its share of principals, and its failures are nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from prometheus_client.exposition import generate_latest

from extauth.audit.store import AuditStore
from extauth.errors import ConfigurationError
from extauth.gateway.step import Continue
from extauth.policy import Entrypoint
from extauth.rollout import Mode, open_trial
from extauth.rollout.metrics import TrialMetrics
from extauth.rollout.outcomes import outcomes
from extauth.rollout.record import load
from extauth.settings import Price
from extauth.snapshot import Snapshot
from extauth.snapshot.signing import Signer, Verifier
from extauth.stack.engines.opa import find_opa
from extauth.types import Principal
from extauth.usage.prices import Tariff
from tests.gateway.served import CHAT, ROUTE, now

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.rollout import Trial
    from tests.rollout.conftest import Bench

pytestmark = pytest.mark.slow

DENIED = (403, "candidate.rule", "No.")


def principal(name: str) -> Principal:
    return Principal(id=name, kind="api_key", tenant="acme", tier="premium")


def scraped(bench: Bench) -> str:
    """What a scrape of the metrics sees."""
    return generate_latest(bench.served.metrics).decode()


async def test_the_candidate_serves_its_share_and_the_live_policies_the_rest(
    bench: Bench, denied: Callable[..., dict[str, object]]
) -> None:
    without = await bench.ask()
    trial = await bench.start(Mode.CANARY, "decided", **denied("candidate.rule"))
    assert await bench.ask() == DENIED
    await trial.stop("done")
    assert await bench.ask() == without
    await bench.start(Mode.CANARY, "decided", share=1, **denied("candidate.rule"))
    assert await bench.ask() == without
    before, candidate, after, live = await bench.served.records()
    assert before.trial is None
    assert after.trial is None
    assert candidate.trial is not None
    assert candidate.trial.candidate == trial.record.order.candidate
    assert candidate.trial.group == "candidate"
    assert live.trial is not None
    assert live.trial.group == "live"


async def test_shares_are_sticky_and_grow_without_changing_sides(bench: Bench) -> None:
    names = [f"acme/{number}" for number in range(5000)]
    live = bench.served.runtime.engine
    chosen: list[set[str]] = []
    for share in (500, 500, 2000):
        trial = await bench.start(Mode.CANARY, "decided", share=share, decisions={})
        groups = {}
        for name in names:
            part = trial.join("r1", principal(name), live)
            assert part is not None
            noted = part.close()
            assert noted is not None
            groups[name] = noted.group
        chosen.append({name for name in names if groups[name] == "candidate"})
        await trial.stop("done")
    assert chosen[0] == chosen[1] < chosen[2]
    assert 200 < len(chosen[0]) < 300
    assert 900 < len(chosen[2]) < 1100


@pytest.mark.parametrize(
    ("policy", "data"),
    [
        ("failing", {"fails": "conflict"}),
        ("failing", {"fails": "loop"}),
        ("failing", {"fails": "undefined"}),
        ("decided", {"decisions": {}}),
        ("decided", {"decisions": {"admission": {"allow": True}, "inference": {"allow": 1}}}),
        (
            "decided",
            {
                "decisions": {
                    "admission": {"allow": True},
                    "inference": {
                        "allow": True,
                        "route": {**ROUTE, "cluster": "elsewhere"},
                        "obligations": [],
                    },
                }
            },
        ),
    ],
)
async def test_an_error_of_the_candidate_never_reaches_a_client(
    bench: Bench, policy: str, data: dict[str, object]
) -> None:
    bodies = (CHAT, {**CHAT, "model": "none"}, {**CHAT, "max_tokens": 100_000})
    without = [await bench.ask(body) for body in bodies]
    await bench.start(Mode.CANARY, policy, **data)
    assert [await bench.ask(body) for body in bodies] == without
    *_, record = await bench.served.records()
    assert record.trial is not None
    assert record.trial.error in {"policy_error", "policy_unavailable"}


async def test_a_question_apart_from_a_request_is_answered_by_the_same_side(bench: Bench) -> None:
    transaction, _ = await bench.served.dispatch()
    await transaction.disconnected()
    facts, runtime = transaction.entry.facts, bench.served.runtime
    assert facts is not None
    trial = await bench.start(Mode.CANARY, "decided", decisions={"admission": {"allow": False}})
    asked = (facts.principal, Entrypoint.ADMISSION, facts)
    assert not (await runtime.decide(*asked)).allow
    assert await runtime.list_models(facts) == []
    await trial.stop("done")
    assert (await runtime.decide(*asked)).allow
    assert "chat@stable" in await runtime.list_models(facts)


async def test_where_the_candidate_can_not_list_models_the_live_policies_do(bench: Bench) -> None:
    transaction, _ = await bench.served.dispatch()
    await transaction.disconnected()
    facts = transaction.entry.facts
    assert facts is not None
    trial = await bench.start(Mode.CANARY)
    await trial.candidate.close()
    assert "chat@stable" in await bench.served.runtime.list_models(facts)
    assert 'sluice_trial_errors_total{error="policy_unavailable",mode="canary"}' in scraped(bench)


async def again(bench: Bench, trial: Trial, verifier: Verifier | None = None) -> Trial:
    """The same trial once more."""
    await trial.stop("done")
    return await open_trial(
        Mode.CANARY,
        trial.record.order,
        bench.served.runtime.snapshot,
        bench.directory,
        verifier=verifier,
        metrics=TrialMetrics(bench.served.metrics),
        clock=now,
    )


async def test_a_candidate_that_was_changed_is_refused(bench: Bench) -> None:
    trial = await bench.start(Mode.CANARY)
    (bench.directory / trial.record.order.candidate / "policy/data.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="changed after it was compiled"):
        await again(bench, trial)


async def test_where_snapshots_are_signed_candidates_are_too(bench: Bench, tmp_path: Path) -> None:
    trial = await bench.start(Mode.CANARY)
    key, opa = tmp_path / "key", find_opa().path
    key.write_text("a secret of tests")
    verifier = Verifier(opa, key, "HS256")
    with pytest.raises(ConfigurationError, match="signature is missing"):
        await again(bench, trial, verifier)
    root = bench.directory / trial.record.order.candidate
    Snapshot.load(root).stamped(0, Signer(opa, key, "HS256"))
    signed = bench.served.runtime.trial = await again(bench, trial, verifier)
    assert signed.running


async def test_metadata_without_a_route_is_the_candidates_error(bench: Bench) -> None:
    await bench.start(Mode.CANARY, "decided", decisions={"admission": {"allow": True}})
    head = bench.served.head("/v2/models/chat/versions/1", method="GET", headers={})
    assert isinstance(await bench.served.gateway.look_up(head), Continue)
    record = await bench.served.record()
    assert record.route is not None
    assert record.trial is not None
    assert record.trial.error == "policy_error"


async def test_a_candidate_that_keeps_failing_is_stopped_and_that_is_seen(bench: Bench) -> None:
    trial = await bench.start(Mode.CANARY, "failing", fails="conflict")
    asked = 0
    while trial.running:
        await bench.ask(request_id=str(asked))
        asked += 1
    assert asked == 11
    await trial.stop("done")
    record = load(bench.directory, Mode.CANARY)
    assert record is not None
    assert record.failed
    assert "failed on" in record.headline
    told = scraped(bench)
    assert 'sluice_trial_errors_total{error="policy_error",mode="canary"}' in told
    assert "sluice_trial_info{" not in told


async def test_a_candidate_that_fails_on_every_other_request_goes_on(bench: Bench) -> None:
    trial = await bench.start(Mode.CANARY, "decided", decisions={"admission": {"allow": True}})
    for number in range(15):
        # It is asked whether this may come in, and what is wrong with it is not the candidate's.
        await bench.ask("no object", request_id=f"well {number}")
        await bench.ask(request_id=f"badly {number}")
    assert trial.running
    assert 'error="policy_error",mode="canary"} 15.0' in scraped(bench)
    await trial.stop("done")


async def test_a_running_trial_is_in_the_metrics(bench: Bench) -> None:
    trial = await bench.start(Mode.CANARY)
    name = trial.record.order.candidate
    assert f'sluice_trial_info{{candidate="{name}",mode="canary"}} 1.0' in scraped(bench)


async def test_a_request_keeps_the_policy_that_it_began_with(
    bench: Bench, denied: Callable[..., dict[str, object]]
) -> None:
    trial = await bench.start(Mode.CANARY, "decided", **denied("candidate.rule"))
    transaction = (await bench.served.admit()).transaction
    assert transaction.entry.facts is not None
    trial.end("it was stopped")
    assert trial.join("r2", principal("acme/ada"), bench.served.runtime.engine) is None
    decision = await transaction.decisions.ask(Entrypoint.INFERENCE, transaction.entry.facts)
    assert [reason.rule for reason in decision.reasons] == ["candidate.rule"]
    await transaction.disconnected()
    await trial.stop("it was stopped")


async def test_a_request_that_began_without_it_never_meets_the_candidate(
    bench: Bench, denied: Callable[..., dict[str, object]]
) -> None:
    transaction = (await bench.served.admit()).transaction
    assert transaction.entry.facts is not None
    await bench.start(Mode.CANARY, "decided", **denied("candidate.rule"))
    decision = await transaction.decisions.ask(Entrypoint.INFERENCE, transaction.entry.facts)
    assert "candidate.rule" not in [reason.rule for reason in decision.reasons]
    await transaction.disconnected()


async def test_another_snapshot_ends_the_trial(bench: Bench) -> None:
    trial = await bench.start(Mode.CANARY)
    replaced = bench.served.runtime
    await bench.served.serve(replaced.snapshot)
    await replaced.retire()
    record = load(bench.directory, Mode.CANARY)
    assert record is not None
    assert not trial.running
    assert record.why == "another snapshot was applied"


async def test_outcomes_are_told_side_by_side(
    bench: Bench, denied: Callable[..., dict[str, object]]
) -> None:
    denying = await bench.start(Mode.CANARY, "decided", **denied("candidate.rule"))
    for _ in range(3):
        await bench.ask()
    await denying.stop("done")
    shared = await bench.start(Mode.CANARY, share=1)
    request, _ = await bench.served.exchange()
    await request.answer_headers(200, {"content-type": "text/event-stream"}, end=False)
    await bench.served.leave(request)
    await bench.served.audit.close()
    records = list(AuditStore(bench.served.log).export())
    prices = {"chat": Tariff(Price(1_000_000, 2_000_000))}
    candidate = outcomes(records, denying.record.order.candidate, prices)["candidate"]
    live = outcomes(records, shared.record.order.candidate, prices)["live"]
    assert (candidate.requests, candidate.denied, candidate.principals) == (3, 3, 1)
    assert (candidate.cost, candidate.too_many) == (0, 0)
    assert (live.requests, live.denied) == (1, 0)
    assert live.cost == live.prompt_tokens + 2 * live.completion_tokens > 0
    assert 0 < live.p50 <= live.p99
    assert not outcomes(records, "another", {})["live"].requests


def test_the_percentiles_are_those_of_the_gateway_itself() -> None:
    records = [
        msgspec.json.encode(
            {
                "outcome": "served",
                "time": 0.0,
                "status": 429 if time > 99 else 200,
                "trial": {"candidate": "c", "group": "live", "error": None},
                "timings": {"inference": time, "backend": 10**9, "body": 10**9},
            }
        )
        for time in range(1, 101)
    ]
    live = outcomes(records, "c", {})["live"]
    assert (live.p50, live.p99, live.too_many, live.served) == (50, 99, 1, 100)

"""Several workers act as one: what one of them can't do, none does."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from extauth.errors import ConfigurationError, PolicyError, SluiceError, StackError
from extauth.rollout import Mode, TrialOrder
from extauth.rollout.record import load
from extauth.workers import Sibling
from extauth.workers.leader import Leader
from tests.workers.conftest import TOKEN, WORKERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.workers.conftest import Fleet

pytestmark = pytest.mark.slow


@asynccontextmanager
async def kept_alike(leader: Leader) -> AsyncIterator[None]:
    """As the service does it, for as long as the block lasts."""
    keeping = asyncio.ensure_future(leader.keep_alike())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.02)


def order(candidate: str) -> TrialOrder:
    return TrialOrder(candidate=candidate, source="policies", share=10_000)


def trials(fleet: Fleet) -> list[bool]:
    """Whether each worker has a trial that runs."""
    found = [process.worker.trial for process in fleet.processes]
    return [trial is not None and trial.running for trial in found]


async def test_a_snapshot_is_served_by_all(fleet: Fleet) -> None:
    new = fleet.compiled("second", 2)
    await fleet.leader.activate(new)
    assert fleet.served == [new] * WORKERS
    served = await fleet.leader.served()
    assert (served.digest, served.sequence) == (new, 2)


@pytest.mark.parametrize("missing", range(WORKERS))
async def test_one_that_a_worker_cannot_load_is_served_by_none(fleet: Fleet, missing: int) -> None:
    on = tuple(number for number in range(WORKERS) if number != missing)
    new = fleet.compiled("second", 2, on=on)
    with pytest.raises(SluiceError):
        await fleet.leader.activate(new)
    assert fleet.served == [fleet.first] * WORKERS
    # Nothing of it is left over: it was not prepared where it could be loaded.
    for process in fleet.processes:
        with pytest.raises(ConfigurationError, match="was not prepared"):
            await process.worker.commit(new)


async def test_an_older_one_has_to_be_asked_for(fleet: Fleet) -> None:
    await fleet.leader.activate(fleet.compiled("second", 2))
    with pytest.raises(ConfigurationError, match="`sluice rollback` goes back"):
        await fleet.leader.activate(fleet.first)
    await fleet.leader.activate(fleet.first, rollback=True)
    assert fleet.served == [fleet.first] * WORKERS


async def test_without_a_worker_there_is_no_activation(fleet: Fleet) -> None:
    new = fleet.compiled("second", 2)
    await fleet.kill(2)
    with pytest.raises(StackError, match="worker 2 does not answer"):
        await fleet.leader.activate(new)
    assert fleet.served == [fleet.first] * WORKERS


async def test_a_worker_that_differs_is_made_alike(fleet: Fleet) -> None:
    new = fleet.compiled("second", 2)
    await fleet.processes[2].worker.prepare(new, rollback=False)
    await fleet.processes[2].worker.commit(new)
    served = await fleet.leader.served()
    assert (served.digest, served.retiring) == (fleet.first, (new,))
    async with kept_alike(fleet.leader):
        await until(lambda: fleet.served == [fleet.first] * WORKERS)


async def test_what_does_not_work_is_told_with_its_worker(fleet: Fleet) -> None:
    assert (await fleet.leader.readiness()).ok
    fleet.processes[0].failing = ("audit",)
    fleet.processes[1].failing = ("ledger",)
    await fleet.kill(2)
    readiness = await fleet.leader.readiness()
    assert readiness.failing == ("worker-0 audit", "worker-1 ledger", "worker-2")


async def test_what_a_dead_worker_still_serves_is_not_known(fleet: Fleet) -> None:
    await fleet.kill(1)
    with pytest.raises(StackError, match="worker 1 does not answer"):
        await fleet.leader.served()


async def test_a_trial_runs_in_all_or_in_none(fleet: Fleet) -> None:
    candidate = fleet.candidate(rule="other")
    await fleet.leader.start_trial(Mode.SHADOW, order(candidate))
    assert trials(fleet) == [True] * WORKERS
    with pytest.raises(StackError, match="runs already"):
        await fleet.leader.start_trial(Mode.CANARY, order(candidate))
    await fleet.leader.stop_trial(Mode.SHADOW)
    assert trials(fleet) == [False] * WORKERS

    await fleet.kill(1)
    with pytest.raises(StackError, match="worker 1 does not answer"):
        await fleet.leader.start_trial(Mode.CANARY, order(candidate))
    assert trials(fleet) == [False] * WORKERS


async def test_a_worker_that_was_restarted_joins_the_trial_again(fleet: Fleet) -> None:
    await fleet.leader.start_trial(Mode.CANARY, order(fleet.candidate(rule="other")))
    await fleet.kill(1)
    await fleet.start(1)
    assert trials(fleet) == [True, False, True]
    async with kept_alike(fleet.leader):
        await until(lambda: trials(fleet) == [True] * WORKERS)


async def test_a_trial_of_which_the_leader_knows_nothing_ends(fleet: Fleet) -> None:
    candidate = order(fleet.candidate(rule="other"))
    await fleet.processes[2].worker.start_trial(Mode.CANARY, candidate)
    async with kept_alike(fleet.leader):
        await until(lambda: trials(fleet) == [False] * WORKERS)


async def test_a_candidate_that_fails_in_one_worker_is_stopped_in_all(fleet: Fleet) -> None:
    await fleet.leader.start_trial(Mode.CANARY, order(fleet.candidate(rule="other")))
    trial = fleet.processes[2].worker.runtime().trial
    assert trial is not None
    while trial.running:
        trial.judged(PolicyError("it fails"))
    async with kept_alike(fleet.leader):
        await until(lambda: trials(fleet) == [False] * WORKERS)
    record = load(fleet.processes[0].state.trials, Mode.CANARY)
    assert record is not None
    assert record.failed
    assert str(record.why).startswith("worker 2: the candidate failed")


async def test_orders_take_the_token(fleet: Fleet) -> None:
    stranger = Sibling(1, fleet.socket(1), "wrong")
    try:
        for asking in (stranger.state(), stranger.families(), stranger.commit(fleet.first)):
            with pytest.raises(StackError, match="worker 1: the admin token is needed"):
                await asking
    finally:
        await stranger.close()
    transport = httpx.AsyncHTTPTransport(uds=str(fleet.socket(1)))
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
        assert (await client.get("/readyz")).text == "ok\n"
        authorized = {"authorization": f"Bearer {TOKEN}"}
        assert (await client.get("/state", headers=authorized)).json()["digest"] == fleet.first


async def test_names_are_forgotten_by_all(fleet: Fleet) -> None:
    await fleet.leader.forget({"acme/ada": "acme/erased-1"})

    assert [process.forgotten for process in fleet.processes] == [
        {"acme/ada": "acme/erased-1"}
    ] * WORKERS

    await fleet.kill(2)
    with pytest.raises(StackError, match="worker 2"):
        await fleet.leader.forget({"acme/ada": "acme/erased-1"})

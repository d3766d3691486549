"""Four processes behind one Envoy, with their books in a Redis, act as one."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.limited import RACE, RACED, client_of, limit_tenants, race, standing
from tests.e2e.site import Site
from tests.e2e.stack import PROMPT, eventually
from tests.redis_server import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2 as httpx

    from tests.e2e.stack import Stack
    from tests.redis_server import RedisServer

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 1}
WORKERS = tuple(f"service-{number}" for number in range(4))
WIDE = {"unit": "tokens", "window": 3600, "max": 1_000_000}


def statuses(stack: Stack, key: str, requests: int = 24) -> Counter[int]:
    """How many got which status, of requests that come four at a time."""
    client = stack.http(key=key)

    def ask(_: int) -> int:
        return client.post("/v1/chat/completions", json=CHAT).status_code

    with ThreadPoolExecutor(4) as pool:
        return Counter(pool.map(ask, range(requests)))


def values(stack: Stack, name: str) -> dict[str, float]:
    """A metric's samples, by their labels."""
    lines = (line for line in stack.metrics().splitlines() if line.startswith(f"{name}{{"))
    return {
        line.partition("{")[2].rpartition("}")[0]: float(line.rpartition(" ")[2]) for line in lines
    }


def of_workers(stack: Stack, name: str) -> list[float | None]:
    """A metric that each worker tells for itself."""
    found = values(stack, name)
    return [found.get(f'worker="{number}"') for number in range(len(WORKERS))]


def restarts(stack: Stack) -> list[int]:
    """How often each was restarted, once the whole stack is ready again."""
    status: dict[str, Any] = stack.json("status")
    assert status["ready"]
    return [status["processes"][name]["restarts"] for name in WORKERS]


def _all_serve(stack: Stack, key: str) -> None:
    assert statuses(stack, key) == {200: 24}
    assert all(of_workers(stack, "sluice_worker_requests_total"))


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """Theirs, which a test may pause."""
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def working(
    tmp_path_factory: pytest.TempPathFactory, stack: Stack, redis: RedisServer
) -> Iterator[Site]:
    """The stack of this module."""
    site = Site(tmp_path_factory.mktemp("workers"), beside=stack)
    ledger = {"kind": "redis", "url": redis.url}
    site.change(lambda config: config.update(ledger=ledger, workers=len(WORKERS)))
    limit_tenants(site, {"racing": [RACED], "steady": [WIDE]})
    site.start()
    yield site
    redis.resume()
    site.stop()


def test_four_workers_act_as_one(working: Site) -> None:
    stack = working.stack
    assert set(stack.processes) == {*WORKERS, "envoy"}
    assert restarts(stack) == [0, 0, 0, 0]

    # All serve, and what they count is one sum.
    staff = stack.create_key("staff", "platform", "internal", "admin")
    assert statuses(stack, staff, 48) == {200: 48}
    assert all(of_workers(stack, "sluice_worker_requests_total"))
    served = 'api="openai",outcome="served",rule="",status="200"'
    assert values(stack, "sluice_requests_total")[served] == 48
    assert of_workers(stack, "sluice_ledger_reservations") == [0, 0, 0, 0]
    records = eventually(lambda: _records(stack, 48))
    assert len({record["request_id"] for record in records}) == 48

    # A key that is revoked works nowhere.
    leaver = stack.create_key("leaver", "platform", "internal", "admin")
    assert statuses(stack, leaver) == {200: 24}
    stack.sluice("keys", "revoke", "platform/leaver")
    assert statuses(stack, leaver) == {401: 24}

    # A change of policy holds in all.
    assert statuses(stack, stack.key("globex"), 2) == {200: 2}
    working.rename_role()
    working.apply()
    assert set(statuses(stack, stack.key("globex"))) == {403}
    assert of_workers(stack, "sluice_snapshot_sequence") == [2, 2, 2, 2]

    # How many there are does not change while they run.
    working.change(lambda config: config.update(workers=3))
    refused = stack.fails("apply").stderr
    assert "the number of workers changed, which needs a restart" in refused

    # One that dies takes what it had in hand with it, and no more.
    for name, after in (("service-1", [0, 1, 0, 0]), ("service-0", [1, 1, 0, 0])):
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(statuses, stack, staff, 200)
            eventually(lambda: _held(stack))
            stack.kill(name)
            answers = asking.result()
        assert set(answers) <= {200, 503}
        assert answers[200] > 150
        assert eventually(lambda after=after: _restarted(stack, after), within=60) == after
        assert of_workers(stack, "sluice_snapshot_sequence") == [2, 2, 2, 2]
        # Envoy tries it again by itself.
        eventually(lambda: _all_serve(stack, staff))


def test_two_hundred_clients_race_on_one_limit(working: Site) -> None:
    race(working.stack, "racing")


def test_a_redis_that_pauses_lets_nobody_through(working: Site, redis: RedisServer) -> None:
    stack = working.stack
    client = client_of(stack, "steady")

    def ask(_: int = 0) -> httpx.Response:
        return client.post("/v1/chat/completions", json=RACE)

    answers = [ask()]
    assert answers[0].status_code == 200
    redis.pause()
    until = time.monotonic() + 5
    with ThreadPoolExecutor(8) as pool:
        while time.monotonic() < until:
            began = time.monotonic()
            # Refused, and soon.
            assert {answer.status_code for answer in pool.map(ask, range(8))} == {503}
            assert time.monotonic() - began < 15
    redis.resume()

    def serves() -> None:
        answers.append(ask())
        assert answers[-1].status_code == 200

    eventually(serves, within=60)
    with ThreadPoolExecutor(8) as pool:
        answers += pool.map(ask, range(32))
    assert {answer.status_code for answer in answers} <= {200, 503}
    spent = sum(
        answer.json()["usage"]["total_tokens"] for answer in answers if answer.status_code == 200
    )
    found = standing(stack, "steady")
    assert (found["used"], found["reserved"]) == (spent, 0)


def _records(stack: Stack, number: int) -> list[dict[str, Any]]:
    lines = stack.sluice("audit", "tail", "--limit", "100", "--json").splitlines()
    records: list[dict[str, Any]] = [json.loads(line) for line in lines]
    served = [record for record in records if record["outcome"] == "served"]
    assert len(served) == number
    return served


def _held(stack: Stack) -> None:
    assert any(of_workers(stack, "sluice_ledger_reservations"))


def _restarted(stack: Stack, expected: list[int]) -> list[int]:
    assert restarts(stack) == expected
    return expected

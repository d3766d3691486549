"""Two hundred clients want what is left of one limit, before one process and before four."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import PROMPT, down, eventually, up
from tests.e2e.limited import client_of, standing, write_site
from tests.redis_server import private_redis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx2 as httpx

    from tests.e2e.conftest import Stack
    from tests.redis_server import RedisServer

__all__ = ["private_redis"]

pytestmark = pytest.mark.e2e

CLIENTS = 200
LIMIT = {"unit": "tokens", "window": 3600, "max": 1000}
WIDE = {"unit": "tokens", "window": 3600, "max": 1_000_000}
MOST = 8
BODY = {"model": "echo", "messages": PROMPT, "max_tokens": MOST}


@pytest.fixture(params=[1, 4])
def site(
    request: pytest.FixtureRequest, tmp_path: Path, stack: Stack, private_redis: RedisServer
) -> Iterator[Stack]:
    """One process with its own ledger, and four that share a Redis."""

    def change(gateway: dict[str, Any]) -> None:
        if request.param > 1:
            gateway["workers"] = request.param
            gateway["ledger"] = {"kind": "redis", "url": private_redis.url}

    limits = {"racing": [LIMIT], "steady": [WIDE]}
    running = up(tmp_path / "state", write_site(tmp_path, limits, change, beside=stack))
    yield running
    private_redis.resume()
    down(running)


def ask(client: httpx.Client) -> httpx.Response:
    return client.post("/v1/chat/completions", json=BODY)


def test_two_hundred_clients_race_on_one_limit(site: Stack) -> None:
    client = client_of(site, "racing")
    client.timeout = 120
    spent, largest = 0, 0

    def until_refused(_: int) -> int:
        nonlocal largest
        total = 0
        while (answer := ask(client)).status_code == 200:
            used = answer.json()["usage"]["total_tokens"]
            largest = max(largest, used)
            total += used
        assert answer.status_code == 429, answer.text
        return total

    with ThreadPoolExecutor(CLIENTS) as pool:
        spent = sum(pool.map(until_refused, range(CLIENTS)))
    found = standing(site, "racing")
    assert (found["used"], found["reserved"]) == (spent, 0)
    # What is left over is smaller than what one more would have reserved.
    assert 1000 - (largest + MOST) < spent <= 1000


@pytest.mark.parametrize("site", [4], indirect=True)
def test_a_redis_that_pauses_lets_nobody_through(site: Stack, private_redis: RedisServer) -> None:
    client = client_of(site, "steady")
    answers = [ask(client)]
    assert answers[0].status_code == 200
    private_redis.pause()
    until = time.monotonic() + 5
    with ThreadPoolExecutor(8) as pool:
        while time.monotonic() < until:
            began = time.monotonic()
            paused = list(pool.map(lambda _: ask(client), range(8)))
            # Refused, and soon.
            assert {answer.status_code for answer in paused} == {503}
            assert time.monotonic() - began < 15
    private_redis.resume()

    def serves() -> None:
        answers.append(ask(client))
        assert answers[-1].status_code == 200

    eventually(serves, within=60)
    with ThreadPoolExecutor(8) as pool:
        answers += pool.map(lambda _: ask(client), range(32))
    assert set(Counter(answer.status_code for answer in answers)) <= {200, 503}
    spent = sum(
        answer.json()["usage"]["total_tokens"] for answer in answers if answer.status_code == 200
    )
    found = standing(site, "steady")
    assert (found["used"], found["reserved"]) == (spent, 0)

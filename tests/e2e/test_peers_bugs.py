"""What other gateways got wrong about limits, each tried through the whole path."""

from __future__ import annotations

import contextlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest

from tests.e2e.limited import (
    CHAT,
    LIFETIME,
    client_of,
    endless,
    limit_tenants,
    standing,
    waiting,
)
from tests.e2e.stack import PROMPT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

POOL: dict[str, Any] = {
    "of": ["pool"],
    "unit": "slots",
    "window": LIFETIME,
    "max": 1,
    "on_exceed": "queue",
    "queue": {"max_waiting": 4, "max_wait": 50},
}
LIMITS: dict[str, dict[str, Any]] = {
    "parallel": {"unit": "tokens", "window": 3600, "max": 100},
    "narrow": {"unit": "tokens", "window": 3600, "max": 100},
    "leaving": {"unit": "slots", "window": LIFETIME, "max": 1},
    "rolling": {"unit": "requests", "window": 5, "max": 2},
    "unpriced": {"unit": "tokens", "window": LIFETIME, "max": 60},
    "together": {"unit": "requests", "window": 3600, "max": 3},
    "passing": {"unit": "requests", "window": 3600, "max": 5},
    "crowd": POOL,
    "first": POOL,
}


@pytest.fixture(scope="module")
def limited(shared_site: Site) -> Iterator[Stack]:
    """A stack on which each of these tenants has one limit of its own."""
    limit_tenants(shared_site, {tenant: [limit] for tenant, limit in LIMITS.items()})
    # So that one tier may have endless answers and crowd the shared pool.
    tiers = shared_site.policies / "data/tiers.yaml"
    tiers.write_text(tiers.read_text().replace("pool: internal", "pool: shared"))
    shared_site.apply()
    yield shared_site.stack
    shared_site.restore()


def chat(client: httpx.Client, **parameters: Any) -> httpx.Response:
    return client.post("/v1/chat/completions", json={**CHAT, **parameters})


def test_parallel_calls_spend_no_more_than_there_is(limited: Stack) -> None:
    # LiteLLM's five spent 663 of 100 (litellm#18730).
    client = client_of(limited, "parallel")
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: chat(client, max_tokens=32), range(5)))
    spent = sum(
        answer.json()["usage"]["total_tokens"] for answer in answers if answer.status_code == 200
    )
    assert {answer.status_code for answer in answers} == {200, 429}
    assert standing(limited, "parallel")["used"] == spent <= 100


def test_a_first_call_that_asks_for_too_much_is_told_what_would_fit(limited: Stack) -> None:
    # LiteLLM reserved more than the limit, and refused every call for ever (litellm#29193).
    client = client_of(limited, "narrow")
    refused = client.post("/v1/chat/completions", json={"model": "chat", "messages": PROMPT})
    assert refused.status_code == 429
    assert "retry-after" not in refused.headers
    told = re.search(r"to at most (\d+)", refused.json()["error"]["message"])
    assert told
    assert chat(client, max_tokens=int(told[1]) + 1).status_code == 429
    assert chat(client, max_tokens=int(told[1])).status_code == 200


def test_a_call_that_is_cancelled_gives_its_slot_back(limited: Stack) -> None:
    # LiteLLM lost the decrement to the cancellation (litellm#28160), and with it the slot.
    client = client_of(limited, "leaving")
    for _ in range(3):
        with contextlib.suppress(httpx.ReadTimeout):
            client.post(
                "/v1/chat/completions",
                json={"model": "chat", "messages": PROMPT, "max_tokens": 500},
                timeout=0.02,
            )
        eventually(lambda: _free(limited, "leaving"))
    with endless(limited, client):
        assert chat(client).status_code == 429
    eventually(lambda: _free(limited, "leaving"))
    assert chat(client).status_code == 200


def test_what_is_refused_does_not_make_the_window_longer(limited: Stack) -> None:
    # In LiteLLM each attempt renewed the time to live (litellm#28160).
    client = client_of(limited, "rolling")
    assert [chat(client).status_code for _ in range(2)] == [200, 200]
    refused = chat(client)
    told, since = int(refused.headers["retry-after"]), time.monotonic()
    assert 1 <= told <= 6
    assert '"rolling-limit";r=0;t=' in refused.headers["ratelimit"]
    assert refused.headers["ratelimit-policy"] == '"rolling-limit";q=2;w=5'
    while True:
        began = time.monotonic()
        if chat(client).status_code == 200:
            break
        # What it was told is true, however often it asked in between.
        assert began < since + told


def test_a_model_that_costs_nothing_is_limited(limited: Stack) -> None:
    # LiteLLM reserved nothing for it.
    client = client_of(limited, "unpriced")
    body = {"model": "echo", "messages": PROMPT, "max_tokens": 10}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: client.post("/v1/chat/completions", json=body), range(16))
        )
    spent = sum(
        answer.json()["usage"]["total_tokens"] for answer in answers if answer.status_code == 200
    )
    assert {answer.status_code for answer in answers} == {200, 429}
    assert standing(limited, "unpriced")["used"] == spent <= 60


def test_the_keys_of_a_tenant_share_its_limit(limited: Stack) -> None:
    # ai-gateway counted tenants and let them pass (ai-gateway#2460).
    clients = [client_of(limited, "together", name) for name in ("one", "two", "three", "four")]
    assert [chat(client).status_code for client in clients] == [200, 200, 200, 429]


def test_every_route_to_a_model_is_counted(limited: Stack) -> None:
    # Bifrost's pass-through routes skipped the budget (bifrost#2873).
    client = client_of(limited, "passing")
    generated = {"text_input": "hello", "max_tokens": 4}
    streamed = {**generated, "stream": True}
    tensors = {
        "inputs": [{"name": "text_input", "datatype": "BYTES", "shape": [1, 1], "data": ["hello"]}]
    }
    ways: list[Callable[[], int]] = [
        lambda: chat(client).status_code,
        lambda: client.post("/v1/embeddings", json={"model": "embed", "input": "a"}).status_code,
        lambda: client.post("/v2/models/echo/generate", json=generated).status_code,
        lambda: client.post("/v2/models/embed/infer", json=tensors).status_code,
        lambda: client.post("/v2/models/echo/generate_stream", json=streamed).status_code,
    ]
    assert [ask() for ask in ways] == [200] * 5
    assert standing(limited, "passing")["used"] == 5
    assert [ask() for ask in ways] == [429] * 5
    assert standing(limited, "passing")["used"] == 5


def test_a_crowded_pool_does_not_hold_up_another(limited: Stack) -> None:
    crowd = client_of(limited, "crowd")
    first = client_of(limited, "first", tier="premium")
    # On a busy machine twenty answers take longer than most clients wait.
    crowd.timeout = httpx.Timeout(60)
    with ThreadPoolExecutor(4) as pool:
        with endless(limited, crowd):
            asked = [pool.submit(chat, crowd) for _ in range(4)]
            eventually(lambda: _lined_up(limited, 4))
            # Of the crowd nobody moves, and its line takes no more.
            assert chat(crowd).status_code == 429
            assert [chat(first).status_code for _ in range(20)] == [200] * 20
            assert waiting(limited) == 4
        assert [each.result().status_code for each in asked] == [200] * 4


def _free(limited: Stack, tenant: str) -> None:
    assert standing(limited, tenant)["reserved"] == 0


def _lined_up(limited: Stack, number: int) -> None:
    assert waiting(limited) == number

"""What happens when a limit has no room, as policy data says: through the whole path."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest
import yaml

from tests.e2e.conftest import PROMPT, down, eventually, up
from tests.e2e.limited import (
    CHAT,
    LIFETIME,
    client_of,
    endless,
    standing,
    waiting,
    write_site,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import Stack

pytestmark = pytest.mark.e2e

LIMITS: dict[str, dict[str, Any]] = {
    "clamped": {"unit": "tokens", "window": LIFETIME, "max": 60, "on_exceed": "clamp"},
    "elsewhere": {
        "of": ["tenant", "model", "version"],
        "unit": "requests",
        "window": LIFETIME,
        "max": 1,
        "on_exceed": "fallback",
    },
    "warned": {"unit": "requests", "window": 3600, "max": 1, "on_exceed": "warn", "warn_at": [100]},
    "slotted": {
        "unit": "slots",
        "window": LIFETIME,
        "max": 1,
        "on_exceed": "queue",
        "queue": {"max_waiting": 1, "max_wait": 30},
    },
    "slowed": {
        "unit": "requests",
        "window": {"type": "bucket", "refill": 1, "seconds": 1},
        "max": 1,
        "on_exceed": "queue",
        "queue": {"max_waiting": 10, "max_wait": 30},
    },
    "bursty": {
        "unit": "requests",
        "window": {"type": "bucket", "refill": 1, "seconds": 600},
        "max": 2,
    },
    "monthly": {"unit": "cost", "window": {"type": "calendar", "period": "month"}, "max": 40},
    "embedding": {"unit": "prompt_tokens", "window": LIFETIME, "max": 10},
    "thinking": {"unit": "completion_tokens", "window": LIFETIME, "max": 100},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[Stack]:
    """A stack on which each of these tenants has one limit of its own."""
    root = tmp_path_factory.mktemp("site")
    limits = {tenant: [limit] for tenant, limit in LIMITS.items()}
    config = write_site(root, limits, beside=stack)
    routing = root / "policies/data/routing.yaml"
    routing.write_text(yaml.safe_dump({"routing": {"chat": {"fallback": "2"}}}))
    running = up(root / "state", config)
    yield running
    down(running)


def test_a_clamped_request_gets_what_is_left(site: Stack) -> None:
    client = client_of(site, "clamped")
    asked = {**CHAT, "max_tokens": 500}
    first = client.post("/v1/chat/completions", json=asked)
    assert first.status_code == 200
    assert first.json()["usage"]["total_tokens"] <= 60
    while (answer := client.post("/v1/chat/completions", json=asked)).status_code == 200:
        assert answer.json()["usage"]["completion_tokens"] >= 1
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "clamped-limit"
    assert standing(site, "clamped")["used"] <= 60


def test_a_used_up_version_hands_over_to_another(site: Stack) -> None:
    client = client_of(site, "elsewhere")
    answers = [client.post("/v1/chat/completions", json=CHAT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.json()["model"] for answer in answers[:2]] == ["chat@1", "chat@2"]
    facts = site.audit(answers[1].headers["x-request-id"])["facts"]
    assert facts["exceeded"] == ["elsewhere-limit"]


def test_a_warning_lets_pass(site: Stack) -> None:
    client = client_of(site, "warned")
    answers = [client.post("/v1/chat/completions", json=CHAT) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert 'sluice_limit_events_total{limit="warned-limit",percent="100"} 1.0' in site.metrics()


def test_a_burst_and_then_its_rate(site: Stack) -> None:
    client = client_of(site, "bursty")
    answers = [client.post("/v1/chat/completions", json=CHAT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 500 < int(answers[2].headers["retry-after"]) <= 600


def test_a_rate_may_slow_rather_than_refuse(site: Stack) -> None:
    client = client_of(site, "slowed")
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(client.post, "/v1/chat/completions", json=CHAT) for _ in range(4)]
        answers = [each.result() for each in asked]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert time.monotonic() - began >= 3


def test_a_months_money(site: Stack) -> None:
    client = client_of(site, "monthly")
    spent = 0
    while (answer := client.post("/v1/chat/completions", json=CHAT)).status_code == 200:
        spent += site.audit(answer.headers["x-request-id"])["usage"]["cost"]
    assert answer.status_code == 429
    found = standing(site, "monthly")
    assert found["used"] == spent <= 40
    assert 0 < int(answer.headers["retry-after"]) <= 31 * 86_400
    assert found["resets_at"] is not None


def test_an_embedding_is_limited_too(site: Stack) -> None:
    client = client_of(site, "embedding")
    body = {"model": "embed", "input": "a few words"}
    while (answer := client.post("/v1/embeddings", json=body)).status_code == 200:
        assert standing(site, "embedding")["used"] <= 10
    assert answer.status_code == 429


def test_max_completion_tokens_is_what_is_reserved(site: Stack) -> None:
    # LiteLLM reserved 2 for these two (litellm#37001).
    client = client_of(site, "thinking")
    body = {"model": "chat", "messages": PROMPT, "max_completion_tokens": 500}
    both = client.post("/v1/chat/completions", json={**body, "max_tokens": 1})
    assert both.status_code == 400
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "thinking-limit"


def test_who_finds_no_slot_waits_and_is_served(site: Stack) -> None:
    client = client_of(site, "slotted")
    with ThreadPoolExecutor(1) as pool:
        with endless(site, client):
            assert standing(site, "slotted")["reserved"] == 1
            waiting = pool.submit(client.post, "/v1/chat/completions", json=CHAT)
            eventually(lambda: _lined_up(site, 1))
            # The line is one long: the next is refused at once.
            refused = client.post("/v1/chat/completions", json=CHAT)
            assert refused.status_code == 429
            assert refused.json()["error"]["code"] == "slotted-limit"
            assert not waiting.done()
        # A cancelled stream frees its slot (LiteLLM's never did: litellm#27955).
        assert waiting.result(timeout=30).status_code == 200
    assert eventually(lambda: _free(site))


def test_a_client_that_leaves_the_line_leaves_nothing(site: Stack) -> None:
    client = client_of(site, "slotted", "another")
    with endless(site, client):
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/chat/completions", json=CHAT, timeout=2)
        eventually(lambda: _lined_up(site, 0))
    eventually(lambda: _free(site))
    assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
    assert eventually(lambda: _free(site))


def _lined_up(site: Stack, number: int) -> None:
    assert waiting(site) == number


def _free(site: Stack) -> bool:
    assert standing(site, "slotted")["reserved"] == 0
    return True

"""What happens when a limit has no room, as policy data says: through the whole path."""

from __future__ import annotations

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
    from collections.abc import Iterator

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

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
def limited(shared_site: Site) -> Iterator[Stack]:
    """A stack on which each of these tenants has one limit of its own."""
    limit_tenants(shared_site, {tenant: [limit] for tenant, limit in LIMITS.items()})
    # Nobody gets the canary: the first answer is of the version that is then used up.
    shared_site.change_data("routing", lambda data: data["routing"]["chat"].pop("canary"))
    shared_site.apply()
    yield shared_site.stack
    shared_site.restore()


def test_a_clamped_request_gets_what_is_left(limited: Stack) -> None:
    client = client_of(limited, "clamped")
    asked = {**CHAT, "max_tokens": 500}
    first = client.post("/v1/chat/completions", json=asked)
    assert first.status_code == 200
    assert first.json()["usage"]["total_tokens"] <= 60
    while (answer := client.post("/v1/chat/completions", json=asked)).status_code == 200:
        assert answer.json()["usage"]["completion_tokens"] >= 1
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "clamped-limit"
    assert standing(limited, "clamped")["used"] <= 60


def test_a_used_up_version_hands_over_to_another(limited: Stack) -> None:
    client = client_of(limited, "elsewhere")
    answers = [client.post("/v1/chat/completions", json=CHAT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.json()["model"] for answer in answers[:2]] == ["chat@1", "chat@2"]
    facts = limited.audit(answers[1].headers["x-request-id"])["facts"]
    assert facts["exceeded"] == ["elsewhere-limit"]


def test_a_warning_lets_pass(limited: Stack) -> None:
    client = client_of(limited, "warned")
    answers = [client.post("/v1/chat/completions", json=CHAT) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert 'sluice_limit_events_total{limit="warned-limit",percent="100"} 1.0' in limited.metrics()


def test_a_burst_and_then_its_rate(limited: Stack) -> None:
    client = client_of(limited, "bursty")
    answers = [client.post("/v1/chat/completions", json=CHAT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 500 < int(answers[2].headers["retry-after"]) <= 600


def test_a_rate_may_slow_rather_than_refuse(limited: Stack) -> None:
    client = client_of(limited, "slowed")
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(client.post, "/v1/chat/completions", json=CHAT) for _ in range(4)]
        answers = [each.result() for each in asked]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert time.monotonic() - began >= 3


def test_a_months_money(limited: Stack) -> None:
    client = client_of(limited, "monthly")
    spent = 0
    while (answer := client.post("/v1/chat/completions", json=CHAT)).status_code == 200:
        spent += limited.audit(answer.headers["x-request-id"])["usage"]["cost"]
    assert answer.status_code == 429
    found = standing(limited, "monthly")
    assert found["used"] == spent <= 40
    assert 0 < int(answer.headers["retry-after"]) <= 31 * 86_400
    assert found["resets_at"] is not None


def test_an_embedding_is_limited_too(limited: Stack) -> None:
    client = client_of(limited, "embedding")
    body = {"model": "embed", "input": "a few words"}
    while (answer := client.post("/v1/embeddings", json=body)).status_code == 200:
        assert standing(limited, "embedding")["used"] <= 10
    assert answer.status_code == 429


def test_max_completion_tokens_is_what_is_reserved(limited: Stack) -> None:
    # LiteLLM reserved 2 for these two (litellm#37001).
    client = client_of(limited, "thinking")
    body = {"model": "chat", "messages": PROMPT, "max_completion_tokens": 500}
    both = client.post("/v1/chat/completions", json={**body, "max_tokens": 1})
    assert both.status_code == 400
    answer = client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "thinking-limit"


def test_who_finds_no_slot_waits_and_is_served(limited: Stack) -> None:
    client = client_of(limited, "slotted")
    with ThreadPoolExecutor(1) as pool:
        with endless(limited, client):
            assert standing(limited, "slotted")["reserved"] == 1
            waiting = pool.submit(client.post, "/v1/chat/completions", json=CHAT)
            eventually(lambda: _lined_up(limited, 1))
            # The line is one long: the next is refused at once.
            refused = client.post("/v1/chat/completions", json=CHAT)
            assert refused.status_code == 429
            assert refused.json()["error"]["code"] == "slotted-limit"
            assert not waiting.done()
        # A cancelled stream frees its slot (LiteLLM's never did: litellm#27955).
        assert waiting.result(timeout=30).status_code == 200
    assert eventually(lambda: _free(limited))


def test_a_client_that_leaves_the_line_leaves_nothing(limited: Stack) -> None:
    client = client_of(limited, "slotted", "another")
    with endless(limited, client):
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/chat/completions", json=CHAT, timeout=2)
        eventually(lambda: _lined_up(limited, 0))
    eventually(lambda: _free(limited))
    assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
    assert eventually(lambda: _free(limited))


def _lined_up(limited: Stack, number: int) -> None:
    assert waiting(limited) == number


def _free(limited: Stack) -> bool:
    assert standing(limited, "slotted")["reserved"] == 0
    return True

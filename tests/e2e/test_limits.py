"""Tokens are reserved, counted and settled: through the whole path."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from tests.e2e.stack import PROMPT, eventually

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

LONG = [{"role": "user", "content": "one two three four five six seven eight " * 400}]
CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 4}


def _used(stack: Stack, tenant: str) -> dict[str, int]:
    rows = stack.json("usage", "--tenant", tenant)["usage"]
    names = ("requests", "prompt_tokens", "completion_tokens")
    return {name: sum(row[name] for row in rows) for name in names}


def test_answers_tell_what_is_left(stack: Stack) -> None:
    key = stack.create_key("budget", "teller", "free", "viewer", region="eu-west")
    client = stack.http(key=key)
    left = []
    for _ in range(2):
        response = client.post("/v1/chat/completions", json=CHAT)
        assert response.status_code == 200, response.text
        assert int(response.headers["x-ratelimit-limit-requests"]) > 0
        assert int(response.headers["x-ratelimit-remaining-tokens"]) > 0
        left.append(int(response.headers["x-ratelimit-remaining-requests"]))
    assert left[1] == left[0] - 1


def test_parallel_requests_cannot_pass_the_limit(stack: Stack) -> None:
    key = stack.create_key("burst", "racer", "free", "viewer", region="eu-west")
    client = stack.http(key=key)
    limit = int(
        client.post("/v1/chat/completions", json=CHAT).headers["x-ratelimit-limit-requests"]
    )
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: client.post("/v1/chat/completions", json=CHAT), range(limit + 10))
        )
    assert sum(answer.status_code == 200 for answer in answers) == limit - 1
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"


def test_usage_is_what_the_answers_said(stack: Stack) -> None:
    key = stack.create_key("counter", "counted", "premium", "developer", region="eu-west")
    client = stack.openai(key=key)
    whole = client.chat.completions.create(model="chat", messages=PROMPT, max_tokens=5)
    *_, last = client.chat.completions.create(
        model="chat",
        messages=PROMPT,
        max_tokens=5,
        stream=True,
        stream_options={"include_usage": True},
    )
    vectors = client.embeddings.create(model="embed", input=["one", "two"])
    assert whole.usage is not None
    assert last.usage is not None
    assert _used(stack, "counted") == {
        "requests": 3,
        "prompt_tokens": whole.usage.prompt_tokens
        + last.usage.prompt_tokens
        + vectors.usage.prompt_tokens,
        "completion_tokens": whole.usage.completion_tokens + last.usage.completion_tokens,
    }


def test_a_client_that_leaves_pays_for_what_it_got(stack: Stack) -> None:
    key = stack.create_key("leaver", "leavers", "internal", "developer", region="eu-west")
    # A client that takes little at a time and reads no further: 12 MB are more than any buffer
    # on the way holds, so the answer can't have ended when it leaves.
    slow = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)])
    asked = {"model": "echo", "messages": LONG, "stream": True, "n": 16}
    with (
        httpx.Client(transport=slow, base_url=stack.endpoint, timeout=30) as client,
        client.stream(
            "POST",
            "/v1/chat/completions",
            json=asked,
            headers={"authorization": f"Bearer {key}"},
        ) as response,
    ):
        request_id = response.headers["x-request-id"]
        next(response.iter_lines())
    record = eventually(lambda: stack.audit(request_id))
    assert record["outcome"] == "disconnected"
    assert record["usage"]["prompt_tokens"] > 0
    assert 0 < record["usage"]["completion_tokens"] < 16 * record["usage"]["prompt_tokens"] - 500
    assert _used(stack, "leavers")["prompt_tokens"] == record["usage"]["prompt_tokens"]


def test_what_was_refused_is_not_charged(stack: Stack) -> None:
    key = stack.create_key("refused", "refusals", "free", "viewer", region="eu-west")
    response = stack.http(key=key).post("/v1/chat/completions", json={**CHAT, "max_tokens": 100000})
    assert response.status_code in {400, 403}
    assert _used(stack, "refusals") == {"requests": 0, "prompt_tokens": 0, "completion_tokens": 0}

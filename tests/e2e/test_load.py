"""What a real Triton says of itself reaches the policies, as the audit records it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest

from tests.e2e.stack import PROMPT, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 4}
REFUSED = {**CHAT, "n": 2}
"""More choices than tier free allows: decided at once, with all facts."""

GENERATE = {
    "text_input": "<|user|>What is Sluice?<|end|><|assistant|>",
    "max_tokens": 32,
    "n": 4,
    "temperature": 0.0,
}
NEIGHBOURS = 64
"""The chat model answers sixteen at a time; the others wait in Triton's queue."""


def recorded(stack: Stack, ids: set[str], directory: Path) -> list[dict[str, Any]]:
    """The facts of requests, from the audit log."""
    file = directory / "records.jsonl"

    def read() -> list[dict[str, Any]]:
        file.unlink(missing_ok=True)
        stack.sluice("audit", "export", "--tenant", "acme", "--output", str(file))
        records = [json.loads(line) for line in file.read_text().splitlines()]
        found = [record["facts"] for record in records if record["request_id"] in ids]
        assert len(found) == len(ids)
        return found

    found: list[dict[str, Any]] = eventually(read)
    return found


def test_a_queue_and_what_is_under_way_are_facts(stack: Stack, tmp_path: Path) -> None:
    """Requests of others that wait, how long they wait, and the gateway's own that is not over."""
    free = stack.http(key=stack.create_key("looking", "acme", "free", "developer"))
    ids = set()
    past = httpx.Client(base_url=stack.triton, timeout=60)
    generate = "/v2/models/chat/versions/1/generate"
    with past, ThreadPoolExecutor(NEIGHBOURS + 1) as pool:
        asked = [pool.submit(past.post, generate, json=GENERATE) for _ in range(NEIGHBOURS)]
        own = pool.submit(stack.http().post, "/v1/chat/completions", json=CHAT)
        while wait([*asked, own], timeout=0.2).not_done:
            ids.add(free.post("/v1/chat/completions", json=REFUSED).headers["x-request-id"])
    assert own.result().status_code == 200
    assert {each.result().status_code for each in asked} == {200}
    loads = [facts["load"] for facts in recorded(stack, ids, tmp_path)]
    assert all(load is not None and 0 <= load["age"] < 10 for load in loads)
    assert max(load["pending"] for load in loads) >= 4
    assert max(load["queue_ms"] or 0 for load in loads) > 1
    assert {load["in_flight"] for load in loads} >= {1}
    assert {load["gpu"] for load in loads} == {None}


def test_an_idle_model_is_seen_to_be_idle(stack: Stack) -> None:
    def seen() -> None:
        answer = stack.http().post("/v1/chat/completions", json=CHAT)
        load = stack.audit(answer.headers["x-request-id"])["facts"]["load"]
        assert load is not None
        assert (load["pending"], load["in_flight"]) == (0, 0)

    eventually(seen)


def test_how_a_principal_behaved_is_a_fact(stack: Stack) -> None:
    client = stack.http(key=stack.create_key("behaving", "acme", "free", "developer"))
    assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
    assert client.post("/v1/chat/completions", json=REFUSED).status_code == 403
    answer = client.post("/v1/chat/completions", json=CHAT)
    behaviour = stack.audit(answer.headers["x-request-id"])["facts"]["behaviour"]
    assert behaviour == {"requests": 2, "denied": 1, "limited": 0, "failed": 0}

"""One record a request, without content; and what operators see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx2 as httpx
import jsonschema
import pytest

from tests.e2e.stack import PROMPT, REPOSITORY, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 3}


def test_a_served_request_is_on_record(stack: Stack) -> None:
    response = stack.http().post("/v1/chat/completions", json=CHAT)
    record = stack.audit(response.headers["x-request-id"])
    jsonschema.validate(record, json.loads((REPOSITORY / "schemas/audit.schema.json").read_text()))
    assert record["outcome"] == "served"
    assert record["principal"]["tenant"] == "acme"
    assert record["facts"]["parameters"]["max_tokens"] == 3
    assert record["facts"]["tokens"]["prompt"] == response.json()["usage"]["prompt_tokens"]
    assert record["usage"]["completion_tokens"] == response.json()["usage"]["completion_tokens"]
    assert record["route"]["model"] == "chat"
    assert record["decision"]["allow"] is True
    assert {"identify", "inference", "backend", "settle"} <= record["timings"].keys()
    assert "Sluice" not in json.dumps(record)


def test_a_deny_is_on_record_with_its_rule(stack: Stack) -> None:
    response = stack.http("globex").post("/v1/embeddings", json={"model": "embed", "input": "x"})
    record = stack.audit(response.headers["x-request-id"])
    assert record["outcome"] == "denied"
    assert record["rules"]
    assert record["usage"] is None


def test_strangers_are_on_record_and_not_each_of_them(stack: Stack, tmp_path: Path) -> None:
    asked = {stack.http(None).get("/v1/models").headers["x-request-id"] for _ in range(30)}

    def recorded() -> None:
        file = tmp_path / "records.jsonl"
        stack.sluice("audit", "export", "--output", str(file))
        records = [json.loads(line) for line in file.read_text().splitlines()]
        strangers = [record for record in records if record["principal"] is None]
        assert (401, "127.0.0.1") in {(one["status"], one["source"]) for one in strangers}
        # A minute may begin meanwhile.
        assert len(asked.intersection(one["request_id"] for one in strangers)) <= 3

    eventually(recorded)


def test_records_can_be_exported(stack: Stack, tmp_path: Path) -> None:
    response = stack.http().post("/v1/chat/completions", json=CHAT)
    stack.audit(response.headers["x-request-id"])
    file = tmp_path / "records.jsonl"
    stack.sluice("audit", "export", "--tenant", "acme", "--output", str(file))
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert response.headers["x-request-id"] in [record["request_id"] for record in records]
    assert {record["principal"]["tenant"] for record in records} == {"acme"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_metrics_count_what_happened(stack: Stack) -> None:
    stack.http().post("/v1/chat/completions", json=CHAT)
    text = stack.metrics()
    for name in (
        'sluice_requests_total{api="openai",outcome="served"',
        'sluice_tokens_total{model="chat",type="completion"}',
        "sluice_stage_seconds_bucket{",
        "sluice_decision_seconds_bucket{",
    ):
        assert name in text or name.split("{")[0] in text


def test_the_admin_endpoint_is_closed_to_strangers(stack: Stack) -> None:
    assert httpx.get(f"{stack.admin}/healthz").status_code == 200
    assert httpx.get(f"{stack.admin}/readyz").status_code == 200
    for token in ("", "Bearer wrong", "Basic x"):
        headers = {"authorization": token} if token else {}
        assert httpx.get(f"{stack.admin}/metrics", headers=headers).status_code == 401
        assert httpx.post(f"{stack.admin}/snapshot", headers=headers).status_code == 401


def test_what_is_secret_is_private(stack: Stack) -> None:
    for name in ("admin.token", "demo-keys.json", "identity.db", "ledger.db", "audit.db"):
        assert (stack.state_dir / name).stat().st_mode & 0o077 == 0, name
    assert stack.state_dir.stat().st_mode & 0o077 == 0
    tokens = [(stack.state_dir / "admin.token").read_text().strip()]
    tokens += [key["key"] for key in stack.keys]
    for log in (stack.state_dir / "logs").iterdir():
        text = log.read_text(errors="replace")
        assert not [token for token in tokens if token in text], log


def test_tail_shows_the_latest(stack: Stack) -> None:
    response = stack.http().get("/v1/models")
    identity = response.headers["x-request-id"]

    def shown() -> None:
        assert identity in stack.sluice("audit", "tail", "--json")

    eventually(shown)

"""Two processes behind one Envoy, with their books in a Redis, act as one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.e2e.conftest import PROMPT, REPOSITORY, SLUICE, eventually
from tests.redis_server import private_redis

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.conftest import Stack
    from tests.redis_server import RedisServer

__all__ = ["private_redis"]

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 1}
WORKERS = ("service-0", "service-1")


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
    return [found.get('worker="0"'), found.get('worker="1"')]


def restarts(stack: Stack) -> list[int]:
    """How often each was restarted, once the whole stack is ready again."""
    status: dict[str, Any] = stack.json("status")
    assert status["ready"]
    return [status["processes"][name]["restarts"] for name in WORKERS]


def _both_serve(stack: Stack, key: str) -> None:
    assert statuses(stack, key) == {200: 24}
    assert all(of_workers(stack, "sluice_worker_requests_total"))


def test_two_workers_act_as_one(
    private_stack: Callable[..., Stack], private_redis: RedisServer, tmp_path: Path
) -> None:
    policies, config = tmp_path / "policies", tmp_path / "gateway.yaml"
    shutil.copytree(REPOSITORY / "policies", policies)

    def shared(gateway: dict[str, Any]) -> None:
        gateway["policy"]["directory"] = str(policies)
        gateway["ledger"] = {"kind": "redis", "url": private_redis.url}
        gateway["workers"] = 2

    stack = private_stack(shared)
    assert set(stack.processes) == {*WORKERS, "envoy"}
    assert restarts(stack) == [0, 0]

    # Both serve, and what they count is one sum.
    staff = stack.create_key("staff", "platform", "internal", "admin")
    assert statuses(stack, staff) == {200: 24}
    first, second = of_workers(stack, "sluice_worker_requests_total")
    assert first
    assert second
    served = 'api="openai",outcome="served",rule="",status="200"'
    assert values(stack, "sluice_requests_total")[served] == 24
    assert of_workers(stack, "sluice_ledger_reservations") == [0, 0]
    records = eventually(lambda: _records(stack, 24))
    assert len({record["request_id"] for record in records}) == 24

    # A key that is revoked works nowhere.
    leaver = stack.create_key("leaver", "platform", "internal", "admin")
    assert statuses(stack, leaver) == {200: 24}
    stack.sluice("keys", "revoke", "platform/leaver")
    assert statuses(stack, leaver) == {401: 24}

    # A change of policy holds in both.
    assert statuses(stack, stack.key("globex"), 2) == {200: 2}
    roles = policies / "data" / "roles.yaml"
    roles.write_text(roles.read_text().replace("viewer:", "onlooker:"))
    stack.sluice("apply")
    assert set(statuses(stack, stack.key("globex"))) == {403}
    assert of_workers(stack, "sluice_snapshot_sequence") == [2, 2]

    # How many there are does not change while they run.
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"workers": 3}))
    refused = subprocess.run(
        [SLUICE, "apply", "--state-dir", str(stack.state_dir)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "the number of workers changed, which needs a restart" in refused.stderr

    # One that dies takes what it had in hand with it, and no more.
    for name, after in (("service-1", [0, 1]), ("service-0", [1, 1])):
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(statuses, stack, staff, 200)
            eventually(lambda: _held(stack))
            stack.kill(name)
            answers = asking.result()
        assert set(answers) <= {200, 503}
        assert answers[200] > 150
        assert eventually(lambda after=after: _restarted(stack, after), within=60) == after
        assert of_workers(stack, "sluice_snapshot_sequence") == [2, 2]
        # Envoy tries it again by itself.
        eventually(lambda: _both_serve(stack, staff))


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

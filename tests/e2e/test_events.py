"""A limit is nearly used up, and whoever asked for it is told: through the whole path."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.stack import PROMPT, eventually
from tests.receiver import SECRET, Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.site import Site

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 4}
BUDGET = 100


@pytest.fixture
def webhook(tmp_path: Path) -> Callable[[Receiver], dict[str, Any]]:
    """What gateway.yaml says of a receiver."""
    secret = tmp_path / "events.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    return lambda receiver: {"url": receiver.url, "secret_file": str(secret)}


def told(data: dict[str, Any]) -> None:
    """Gives tenants a budget that nobody is held to."""
    budget = {"cost": BUDGET, "on_exceed": "warn", "warn_at": [50, 80, 100]}
    data["budgets"]["tenants"] = {"spender": budget, "other": {**budget, "warn_at": [1]}}


def test_each_threshold_is_told_once_however_many_requests_pass_it_and_to_whom_an_apply_says(
    site: Site,
    webhook: Callable[[Receiver], dict[str, Any]],
) -> None:
    with receiving(503) as receiver, receiving() as successor:

        def change(config: dict[str, Any]) -> None:
            # A token costs one.
            config["models"]["chat"]["price"] = {"prompt": 1_000_000, "completion": 1_000_000}
            config["events"] = {"webhooks": [webhook(receiver)]}

        site.change(change)
        site.change_data("budgets", told)
        site.apply()
        stack = site.stack
        key = stack.create_key("racer", "spender", "premium", "developer", region="eu-west")
        client = stack.http(key=key)
        with ThreadPoolExecutor(16) as pool:
            answers = list(
                pool.map(lambda _: client.post("/v1/chat/completions", json=CHAT), range(60))
            )
        assert {answer.status_code for answer in answers} == {200}
        assert sum(answer.json()["usage"]["total_tokens"] for answer in answers) > 2 * BUDGET

        # The first attempt was answered 503, and that one is made again.
        arrived = [receiver.next() for _ in range(4)]
        events = {one.id: one.verified()["data"] for one in arrived}
        assert sorted(event["percent"] for event in events.values()) == [50, 80, 100]
        for event in events.values():
            assert event["used"] * 100 >= event["percent"] * BUDGET
            assert (event["tenant"], event["limit"]) == ("spender", "tenant-budget")
            assert (event["key"], event["unit"], event["max"]) == ("tenant:spender", "cost", BUDGET)
            assert event["resets_at"].endswith("T00:00:00Z")

        def delivered() -> None:
            metrics = stack.metrics()
            for outcome, count in (("delivered", 3), ("failed", 1)):
                labels = f'{{outcome="{outcome}",webhook="{receiver.address}"}}'
                assert f"sluice_webhook_deliveries_total{labels} {count}.0" in metrics
            for percent in (50, 80, 100):
                labels = f'{{limit="tenant-budget",percent="{percent}"}}'
                assert f"sluice_limit_events_total{labels} 1.0" in metrics

        eventually(delivered)
        logs = "".join(file.read_text() for file in (stack.state_dir / "logs").glob("*.log"))
        raised = [line for line in logs.splitlines() if "limit.threshold_crossed" in line]
        assert sum("tenant:spender" in line for line in raised) == 3
        assert SECRET.removeprefix("whsec_") not in logs

        site.change(lambda config: config["events"].update(webhooks=[webhook(successor)]))
        stack.sluice("apply")
        key = stack.create_key("late", "other", "premium", "developer", region="eu-west")
        assert stack.http(key=key).post("/v1/chat/completions", json=CHAT).status_code == 200
        assert successor.next().verified()["data"]["tenant"] == "other"
        assert receiver.received.empty()

        snapshots = (stack.state_dir / "snapshots").rglob("*")
        assert not [file for file in snapshots if file.is_file() and _holds(file, SECRET)]


def _holds(file: Path, text: str) -> bool:
    return text.removeprefix("whsec_").encode() in file.read_bytes()

"""Candidate policies on live traffic: beside the live ones, then in their place for some."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.stack import PROMPT, REPOSITORY, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 2}


def statuses(stack: Stack, tenant: str, times: int = 3) -> list[int]:
    client = stack.http(tenant)
    return [client.post("/v1/chat/completions", json=CHAT).status_code for _ in range(times)]


def compared(stack: Stack, requests: int) -> dict[str, Any]:
    record: dict[str, Any] = stack.json("shadow", "report")
    assert record["tally"]["compared"] == requests
    return record


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    """The shipped policies, but the free tier is allowed one token of an answer."""
    directory = tmp_path / "candidate"
    shutil.copytree(REPOSITORY / "policies", directory)
    tiers = directory / "data" / "tiers.yaml"
    shipped = tiers.read_text()
    tiers.write_text(shipped.replace("    max_tokens: 512", "    max_tokens: 1", 1))
    assert tiers.read_text() != shipped
    return directory


def test_a_candidate_is_shadowed_and_then_served_to_some(site: Site, candidate: Path) -> None:
    stack = site.stack
    shadow_tells_the_flips_by_rule(stack, candidate)
    canary_tells_the_groups_side_by_side(stack, candidate)
    what_ends_a_trial_is_told(stack, candidate)


def shadow_tells_the_flips_by_rule(stack: Stack, candidate: Path) -> None:
    started = stack.json("shadow", "start", str(candidate), "--share", "100%")
    assert stack.json("status")["trial"]["candidate"] == started["candidate"]
    assert statuses(stack, "globex") == [200, 200, 200]
    assert statuses(stack, "acme") == [200, 200, 200]
    tally = eventually(lambda: compared(stack, 6))["tally"]
    assert (tally["equal"], tally["differences"]) == (3, {"new_denies": 3})
    (count,) = tally["counts"]
    assert (count["rule"], count["tenant"], count["requests"]) == ("tokens.completion", "globex", 3)
    record = stack.audit(tally["examples"][0]["request_id"])
    assert (record["decision"]["allow"], record["trial"]) == (True, None)
    assert 'difference="new_denies",rule="tokens.completion"} 3.0' in stack.metrics()
    assert "allow to deny by tokens.completion, tenant globex: 3" in stack.sluice(
        "shadow", "report"
    )
    assert "## Shadow report" in stack.sluice("shadow", "report", "--format", "markdown")
    second = stack.fails("canary", "start", str(candidate), "--share", "5%")
    assert "runs already" in second.stderr
    stack.sluice("shadow", "stop")
    assert compared(stack, 6)["why"] == "it was stopped"


def canary_tells_the_groups_side_by_side(stack: Stack, candidate: Path) -> None:
    stack.sluice("canary", "start", str(candidate), "--share", "0.01%")
    assert statuses(stack, "globex") == [200, 200, 200]
    stack.sluice("canary", "stop")
    stack.sluice("canary", "start", str(candidate), "--share", "100%")
    assert statuses(stack, "globex") == [403, 403, 403]
    assert statuses(stack, "acme") == [200, 200, 200]
    stack.sluice("canary", "stop")
    assert statuses(stack, "globex", 1) == [200]

    def outcomes() -> dict[str, Any]:
        groups: dict[str, Any] = stack.json("canary", "report")["groups"]
        assert groups["candidate"]["requests"] == 6
        return groups

    groups = eventually(outcomes)
    assert groups["live"]["requests"] == 0
    served = groups["candidate"]
    assert (served["denied"], served["served"], served["errors"]) == (3, 3, 0)
    assert served["prompt_tokens"] > 0
    assert 0 < served["p50"] <= served["p99"]
    assert "own latency p99" in stack.sluice("canary", "report")
    assert stack.json("status")["trial"] is None
    assert "no canary runs" in stack.fails("canary", "stop").stderr


def what_ends_a_trial_is_told(stack: Stack, candidate: Path) -> None:
    tiers = candidate / "data" / "tiers.yaml"
    changed = tiers.read_text()
    tiers.write_text("tiers: [")
    broken = stack.fails("shadow", "start", str(candidate))
    assert broken.exit_code == 2
    assert "tiers.yaml" in broken.stderr
    tiers.write_text(changed)
    stack.sluice("shadow", "start", str(candidate))
    stack.kill("service")
    assert statuses_soon(stack) == [200]
    assert stack.json("status")["trial"] is None
    assert stack.json("shadow", "report")["why"] == "the service was restarted"


def statuses_soon(stack: Stack) -> list[int]:
    def attempt() -> list[int]:
        found = statuses(stack, "acme", 1)
        assert found == [200]
        return found

    return list(eventually(attempt, within=60))

"""Usage, and how limits stand: for operators, who may reset and grant, and for clients."""

from __future__ import annotations

import csv
import getpass
import json
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest

from tests.e2e.stack import PROMPT, sluice

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

ASK = {"model": "chat", "messages": PROMPT, "max_tokens": 8}


def admin(stack: Stack, path: str, **parameters: str) -> httpx.Response:
    token = (stack.state_dir / "admin.token").read_text().strip()
    return httpx.get(
        f"{stack.admin}{path}", params=parameters, headers={"authorization": f"Bearer {token}"}
    )


@pytest.fixture(scope="module")
def user(stack: Stack) -> tuple[str, dict[str, Any]]:
    """A key of Acme's research team, and the usage of the one answer that it got."""
    key = stack.create_key(
        "people", "acme", "premium", "developer", region="eu-west", attribute="team=research"
    )
    answer = stack.http(key=key).post("/v1/chat/completions", json=ASK).raise_for_status()
    used: dict[str, Any] = answer.json()["usage"]
    return key, used


def test_a_key_reads_its_own_usage(stack: Stack, user: tuple[str, dict[str, Any]]) -> None:
    key, used = user

    told = stack.http(key=key).get("/v1/usage").raise_for_status().json()

    assert (told["object"], told["principal"]) == ("usage", "acme/people")
    (line,) = told["data"]
    assert (line["model"], line["requests"]) == ("chat", 1)
    assert line["prompt_tokens"] == used["prompt_tokens"]
    assert line["completion_tokens"] == used["completion_tokens"]
    # 150000 and 600000 micro-units a million tokens, rounded up.
    spent = 150_000 * used["prompt_tokens"] + 600_000 * used["completion_tokens"]
    assert line["cost"] == -(-spent // 1_000_000) > 0
    assert line["compute_seconds"] > 0
    assert told["total"]["total_tokens"] == used["total_tokens"]
    (requests,) = [each for each in told["limits"] if each["unit"] == "requests"]
    assert (requests["used"], requests["reserved"]) == (1, 0)
    assert requests["remaining"] == requests["limit"] - 1


def test_and_nobody_elses(stack: Stack, user: tuple[str, dict[str, Any]]) -> None:
    other = stack.create_key("other-people", "acme", "premium", "viewer")

    told = stack.http(key=other).get("/v1/usage").json()

    assert told["principal"] == "acme/other-people"
    assert told["data"] == told["limits"] == []
    assert stack.http(None).get("/v1/usage").status_code == 401
    forged = {"x-sluice-principal": "eyJwcmluY2lwYWwiOiJhZG1pbiJ9"}
    assert stack.http(None).get("/v1/usage", headers=forged).status_code == 401
    assert stack.http(key=user[0]).post("/v1/usage").status_code == 405


def test_usage_is_told_by_tenant_team_and_model(
    stack: Stack, user: tuple[str, dict[str, Any]]
) -> None:
    told = stack.sluice("usage", "--by", "tenant,team,model", "--team", "research", "--csv")
    by = {"by": "tenant,team,model", "team": "research"}

    (row,) = csv.DictReader(told.splitlines())
    assert (row["tenant"], row["team"], row["model"]) == ("acme", "research", "chat")
    assert int(row["prompt_tokens"]) == user[1]["prompt_tokens"]
    assert float(row["compute_seconds"]) > 0
    assert admin(stack, "/usage", **by, format="csv").text == told.replace("\n", "\r\n")
    listed = json.loads(
        sluice(
            *("usage", "--by", "tenant,team,model", "--team", "research", "--json"),
            *("--state-dir", str(stack.state_dir)),
        )
    )
    assert admin(stack, "/usage", **by).json() == listed


def test_a_forecast_has_the_budget(stack: Stack, user: tuple[str, dict[str, Any]]) -> None:
    rows = stack.json("usage", "--forecast", "--by", "tenant,team", "--team", "research")
    (row,) = rows["forecast"]

    assert row["forecast_cost"] >= row["cost"] > 0
    assert row["budget"] == 20_000_000
    over_http = admin(stack, "/usage", forecast="true", by="tenant", tenant="acme").json()
    assert over_http["forecast"][0]["budget"] == 50_000_000
    for wrong in ({"by": "colour"}, {"forecast": "perhaps"}, {"shape": "round"}, {"format": "pdf"}):
        assert admin(stack, "/usage", **wrong).status_code == 400


def test_a_limit_is_shown_reset_and_granted_and_that_is_audited(
    stack: Stack, user: tuple[str, dict[str, Any]]
) -> None:
    key, used = "principal:acme/people", user[1]

    def tokens() -> tuple[int, int]:
        (found,) = [
            each
            for each in stack.json("limits", "show", key)["limits"]
            if each["name"] == "principal-tokens"
        ]
        return found["used"], found["reserved"]

    assert tokens() == (used["total_tokens"], 0)
    assert "principal-tokens" in stack.sluice("limits", "show", "principal:acme/peop*")

    order = ("--unit", "tokens", "--amount", "1", "--name", "principal-tokens")
    stack.sluice("limits", "grant", key, *order)
    assert tokens() == (used["total_tokens"] - 1, 0)

    after = stack.json("limits", "reset", key)["after"]
    assert all(each["used"] == 0 for each in after)

    grant, reset = stack.json("audit", "actions")["actions"][-2:]
    assert (grant["kind"], grant["subject"], grant["user"]) == (
        "limits.grant", key, getpass.getuser(),
    )  # fmt: skip
    assert (reset["kind"], reset["credential"]) == ("limits.reset", "admin token")
    assert {each["used"] for each in reset["after"]} <= {0}
    assert "limits.reset" in stack.sluice("audit", "actions")


def test_an_order_that_can_not_be_carried_out_is_told(stack: Stack) -> None:
    with pytest.raises(AssertionError, match="nothing is counted under tenant:nobody"):
        stack.sluice("limits", "reset", "tenant:nobody")

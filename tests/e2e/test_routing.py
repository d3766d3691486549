"""What the policy picks is what Triton is asked for: read on Triton's side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from extauth.facts import bucket
from tests.e2e.stack import PROMPT

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


def _executed(stack: Stack, version: str) -> int:
    """How many requests Triton itself says that it ran on a version of `chat`."""
    stats = httpx.get(f"{stack.triton}/v2/models/chat/versions/{version}/stats").json()
    return int(stats["model_stats"][0]["inference_count"])


@pytest.mark.parametrize(
    ("model", "version"),
    [("chat@stable", "1"), ("chat@next", "2"), ("chat@2", "2"), ("chat@02", "2")],
)
def test_aliases_and_versions_reach_their_version(stack: Stack, model: str, version: str) -> None:
    before = {each: _executed(stack, each) for each in "12"}
    answer = stack.openai("platform").chat.completions.create(
        model=model, messages=PROMPT, max_tokens=2
    )
    assert answer.model == f"chat@{version}"
    other = "2" if version == "1" else "1"
    assert _executed(stack, version) == before[version] + 1
    assert _executed(stack, other) == before[other]


def test_the_canary_is_sticky_and_of_its_share(stack: Stack) -> None:
    """10 % of principals, by `bucket`: whoever is below 1,000 gets version 2, every time."""
    names = [f"canary{n}" for n in range(200)]
    inside = next(name for name in names if bucket(f"acme/{name}", "chat") < 1000)
    outside = next(name for name in names if bucket(f"acme/{name}", "chat") >= 1000)
    for name, version in ((inside, "2"), (outside, "1")):
        client = stack.openai(key=stack.create_key(name, "acme", "premium", "developer"))
        served = {
            client.chat.completions.create(model="chat", messages=PROMPT, max_tokens=1).model
            for _ in range(3)
        }
        assert served == {f"chat@{version}"}


def test_an_explicit_version_takes_a_permission(stack: Stack) -> None:
    response = stack.http("globex").post(
        "/v1/chat/completions", json={"model": "chat@2", "messages": PROMPT, "max_tokens": 2}
    )
    assert response.status_code in {403, 404}
    assert response.json()["error"]["code"]


def test_the_path_decides_for_kserve(stack: Stack) -> None:
    before = _executed(stack, "2")
    response = stack.http("platform").post(
        "/v2/models/chat/versions/2/generate", json={"text_input": "Hello", "max_tokens": 2}
    )
    assert response.status_code == 200, response.text
    assert response.json()["model_version"] == "2"
    assert _executed(stack, "2") == before + 1

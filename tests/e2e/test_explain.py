"""A denied request of the running stack, explained by the id that its client was told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.stack import PROMPT

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


def test_a_denied_request_is_explained(stack: Stack) -> None:
    response = stack.http("globex").post(
        "/v1/chat/completions",
        json={"model": "chat", "messages": PROMPT, "max_tokens": 3, "temperature": 1.9},
    )
    assert response.status_code == 403
    told = response.json()["error"]["code"]
    identity = response.headers["x-request-id"]
    record = stack.audit(identity)

    explanation = json.loads(stack.sluice("explain", identity, "--format", "json"))

    assert explanation["policies"] == record["snapshot"]
    assert [item["reason"]["rule"] for item in explanation["fired"]] == record["rules"] == [told]
    assert explanation["fired"][0]["place"].startswith("gateway/")
    assert not explanation["recorded"]["differs"]
    flips = {flip["path"]: flip["after"] for flip in explanation["flips"]}
    assert flips["parameters.temperature"] == 1.5
    assert "Sluice" not in json.dumps(explanation["facts"])
    shown = stack.sluice("explain", identity)
    assert shown.startswith(f"DENIED 403 by {told}")

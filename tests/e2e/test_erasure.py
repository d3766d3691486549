"""A person is erased from a gateway that runs, and from one that does not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.e2e.stack import PROMPT, sluice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

import pytest

pytestmark = pytest.mark.e2e

CHAT: dict[str, Any] = {"model": "chat", "messages": PROMPT, "max_tokens": 3}
TRACES = re.compile(rb"acme/grace|hopper")


def traces(directory: Path) -> list[str]:
    """The files in which the person still is."""
    return [
        str(file.relative_to(directory))
        for file in directory.rglob("*")
        if file.is_file() and TRACES.search(file.read_bytes())
    ]


def visit(stack: Stack) -> str:
    """Grace is made a key and uses it in all ways; the key."""
    key = stack.create_key(
        "grace", "acme", "premium", "developer", attribute="user=grace.hopper@example.com"
    )
    client = stack.http(key=key)
    assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
    assert "[DONE]" in client.post("/v1/chat/completions", json=CHAT | {"stream": True}).text
    assert client.get("/v1/models").status_code == 200
    assert client.post("/v1/chat/completions", json=CHAT | {"model": "no"}).status_code == 404
    assert client.get("/v1/usage").json()["principal"] == "acme/grace"
    stack.sluice("limits", "grant", "principal:acme/grace", "--unit", "tokens", "--amount", "5",
                 "--name", "principal-tokens")  # fmt: skip
    return key


def requests(stack: Stack, by: str) -> dict[str, int]:
    rows = json.loads(stack.sluice("usage", "--by", by, "--json"))["usage"]
    return {row["group"][by]: row["requests"] for row in rows}


def test_a_person_is_erased(private_site: Callable[..., Site]) -> None:
    stack = private_site().start()
    key = visit(stack)
    head = stack.json("audit", "verify")["head"]

    erased = stack.json("privacy", "erase", "--subject", "acme/grace")

    assert traces(stack.state_dir) == []
    assert stack.http(key=key).get("/v1/models").status_code == 401
    stores = {each["store"]: each for each in erased["stores"]}
    assert stores["keys"]["deleted"] == 1
    assert stores["audit records"]["rewritten"] >= 5
    assert stores["audit actions"]["rewritten"] == 1
    assert stores["ledger"]["rewritten"] >= 2
    assert (erased["running"], erased["configured"]) == (0, [])

    assert requests(stack, "tenant") == {"acme": 2}
    assert requests(stack, "principal") == {erased["pseudonym"]: 2}
    verified = stack.json("audit", "verify", "--head", head)
    assert (verified["valid"], verified["erased"]) == (
        True,
        stores["audit records"]["rewritten"] + 1,
    )
    (_, done) = stack.json("audit", "actions")["actions"]
    assert (done["kind"], done["subject"]) == ("privacy.erase", erased["pseudonym"])
    assert erased["pseudonym"] in stack.sluice("audit", "actions")

    # Somebody of that name is somebody new, also for a stack that does not run.
    visit(stack)
    stack.sluice("down")
    assert traces(stack.state_dir)
    state = ("--state-dir", str(stack.state_dir))
    assert sluice("privacy", "erase", "--subject", "acme/grace", "--dry-run", *state).split() == [
        "acme/grace"
    ]
    told = sluice("privacy", "erase", "--subject", "acme/grace.hopper@example.com", *state)
    assert "on record as action 4" in told
    assert traces(stack.state_dir) == []
    assert sluice("audit", "verify", *state).startswith("ok: ")

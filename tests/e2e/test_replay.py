"""Recorded live traffic, asked again: the same policies decide the same."""

from __future__ import annotations

import contextlib
import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.e2e.stack import PROMPT, REPOSITORY, command, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

CHAT = "/v1/chat/completions"
LONG = [{"role": "user", "content": "one two three four five six seven eight " * 100}]
SECRET = [{"role": "user", "content": "My address is ada@example.com, call +44 20 7946 0958."}]


def traffic(stack: Stack) -> int:
    """Varied requests of several callers; how many there were."""
    free = stack.create_key("replayed", "replayers", "free", "viewer", region="eu-west")
    premium = stack.create_key("premium", "replayers", "premium", "developer", region="eu-west")
    answers = []
    for key in (free, premium, stack.key("globex"), stack.key("platform")):
        client = stack.http(key=key)
        bodies = (
            {"model": "chat", "messages": PROMPT, "max_tokens": 4},
            {"model": "chat", "messages": PROMPT},
            {"model": "chat", "messages": PROMPT, "max_tokens": 8, "stream": True},
            {"model": "chat@2", "messages": PROMPT, "max_tokens": 4},
            {"model": "chat", "messages": SECRET, "max_tokens": 4},
            {"model": "chat", "messages": LONG, "max_tokens": 4},
            {"model": "chat", "messages": PROMPT, "max_tokens": 600},
            {"model": "chat", "messages": PROMPT, "max_tokens": 4, "temperature": 1.9},
            {"model": "echo", "messages": PROMPT, "max_tokens": 4},
            {"model": "nothing", "messages": PROMPT},
            {"model": "chat", "messages": "broken"},
            {"messages": PROMPT},
        )
        answers += [client.post(CHAT, json=body) for body in bodies]
        answers.append(client.post("/v1/embeddings", json={"model": "embed", "input": ["a", "b"]}))
        answers.append(client.post("/v1/completions", json={"model": "chat", "prompt": "a"}))
        answers += [client.get(path) for path in ("/v1/models", "/v1/models/chat", "/v2")]
        answers.append(client.get("/v2/models/echo/ready"))
        answers.append(
            client.post("/v2/models/echo/generate", json={"text_input": "a", "max_tokens": 4})
        )
        _infer(stack, key)
    limited = [
        stack.http(key=free).post(CHAT, json={"model": "chat", "messages": PROMPT, "max_tokens": 4})
        for _ in range(25)
    ]
    statuses = {answer.status_code for answer in (*answers, *limited)}
    assert statuses >= {200, 400, 403, 404, 429}, statuses
    stranger = stack.http(None).post(CHAT, json={"model": "chat", "messages": PROMPT})
    assert stranger.status_code == 401
    return len(answers) + len(limited) + 4 + 1


def _infer(stack: Stack, key: str) -> None:
    tensor = triton.InferInput("text_input", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[b"hello"]], dtype=np.object_))
    # Some may not.
    with (
        contextlib.suppress(InferenceServerException),
        triton.InferenceServerClient(stack.endpoint.removeprefix("http://")) as client,
    ):
        client.infer("embed", [tensor], headers={"Authorization": f"Bearer {key}"})


def replayed(*arguments: str) -> dict[str, Any]:
    done = command("replay", "--format", "json", *arguments)
    assert done.exit_code == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)["figures"]
    return figures


def test_the_same_policies_decide_the_same_about_live_traffic(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = ("--since", datetime.now(UTC).isoformat())
    count = traffic(stack)
    state = ("--state-dir", str(stack.state_dir), *since)
    zero = [f"{kind} {sign} 0" for kind in CHANGES for sign in (">", "<")]

    def recorded() -> None:
        assert len(stack.sluice("audit", "export", *since).splitlines()) >= count

    eventually(recorded)

    monkeypatch.chdir(REPOSITORY)
    figures = replayed(*state, *_fail_on(zero))

    assert figures["compared"] >= count - 2
    assert figures["out_of_reach"] >= 1
    assert figures["recorded_429s"] > 0
    assert figures["gone_429s"]["count"] == 0
    assert figures["before"] == figures["after"]
    assert figures["before"]["refused"] > 0

    candidate = tmp_path / "policies"
    shutil.copytree(REPOSITORY / "policies", candidate)
    catalog = json.loads((stack.state_dir / "active/policy/data.json").read_text())["catalog"]
    (candidate / "catalog.yaml").write_text(json.dumps(catalog))
    tiers = candidate / "data/tiers.yaml"
    tiers.write_text(tiers.read_text().replace("max_prompt_tokens: 8192", "max_prompt_tokens: 1"))

    monkeypatch.chdir(tmp_path)
    stricter = replayed(str(candidate), *state)

    assert stricter["new_denies"]["count"] > 0
    assert stricter["new_denies"]["by"].keys() == {"tokens.prompt"}
    assert stricter["new_allows"]["count"] == stricter["errors"]["count"] == 0


CHANGES = (
    "new_denies",
    "new_allows",
    "changed_rules",
    "changed_obligations",
    "changed_routes",
    "new_429s",
    "errors",
    "cost_change",
    "tokens_change",
)


def _fail_on(expressions: list[str]) -> list[str]:
    return [part for expression in expressions for part in ("--fail-on", expression)]

"""Every command of the README and of docs/ is run, in its order, as a reader would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest
import yaml

from tests.e2e.stack import REPOSITORY, SLUICE, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
ADDRESS = "127.0.0.1:8080"


def _steps(document: Path) -> list[tuple[str, object]]:
    """Each line of an `sh` block with the answer that a `json` block right after it promises."""
    steps: list[tuple[str, object]] = []
    for language, text in BLOCK.findall(document.read_text()):
        if language == "sh":
            steps += [(line, None) for line in text.splitlines() if line]
        elif language == "json":
            command, _ = steps.pop()
            steps.append((command, json.loads(text)))
    return steps


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """What a reader has after a clone, on ports of its own."""
    shutil.copytree(REPOSITORY / "policies", tmp_path / "policies")
    for name in ("triton", "ci", "schemas", "Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    config = yaml.safe_load((REPOSITORY / "gateway.yaml").read_text())
    config["listener"]["port"], config["admin"]["port"] = free_port(), free_port()
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(config))
    environment = {**os.environ, "PATH": f"{os.path.dirname(SLUICE)}:{os.environ['PATH']}"}  # noqa: PTH120
    environment["ADDRESS"] = f"127.0.0.1:{config['listener']['port']}"
    yield tmp_path, environment
    subprocess.run([SLUICE, "down"], cwd=tmp_path, capture_output=True, check=False)


def _run(line: str, directory: Path, environment: dict[str, str]) -> str:
    if line.startswith("make "):
        line = line.replace("make ", "make --dry-run --always-make PYTHON=python3 ", 1)
    done = subprocess.run(
        ["/bin/sh", "-c", line.replace(ADDRESS, environment["ADDRESS"])],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_works(document: Path, checkout: tuple[Path, dict[str, str]]) -> None:
    directory, environment = checkout
    for line, promised in _steps(document):
        if line.startswith("export "):
            name = line.removeprefix("export ").partition("=")[0]
            keys = json.loads((directory / ".sluice/demo-keys.json").read_text())
            environment[name] = next(key["key"] for key in keys if key["name"] == name.lower())
            continue
        printed = _run(line, directory, environment)
        if promised is not None:
            assert json.loads(printed) == promised
        elif line.startswith("curl"):
            assert '"error"' not in printed, printed


def test_the_readmes_card_is_hidden_from_the_model_and_comes_back(stack: Stack) -> None:
    lines = DOCUMENTS[0].read_text().splitlines()
    typed = [line for line in lines if line.startswith("curl") and "4111" in line]
    environment = {**os.environ, "ADA": stack.key("acme")}
    environment["ADDRESS"] = stack.endpoint.removeprefix("http://")
    stream, cut = (_run(line, REPOSITORY, environment) for line in typed)
    events = [json.loads(event[6:]) for event in stream.split("\n\n") if event[:7] == "data: {"]
    choices = [choice for event in events for choice in event["choices"]]
    said = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert said == "Pay with 4111 1111 1111 1111, please"
    assert json.loads(cut)["choices"][0]["message"]["content"] == "Pay with [CARD"


def test_what_a_policy_author_types_on_the_gateway(
    checkout: tuple[Path, dict[str, str]],
) -> None:
    directory, environment = checkout
    _run("sluice up --detach", directory, environment)
    _run("sluice init my-policies", directory, environment)
    keys = json.loads((directory / ".sluice/demo-keys.json").read_text())
    refused = httpx.post(
        f"http://{environment['ADDRESS']}/v1/chat/completions",
        headers={"authorization": f"Bearer {keys[1]['key']}"},
        json={"model": "chat", "max_tokens": 10_000, "messages": [{"role": "user", "content": ""}]},
    )
    assert refused.status_code == 403
    tiers = directory / "policies/data/tiers.yaml"
    tiers.write_text(tiers.read_text().replace("max_tokens: 512", "max_tokens: 16"))
    document = (REPOSITORY / "docs/policy-authors.md").read_text()
    ran = []
    for block in re.findall(r"^```sh gateway\n(.*?)^```$", document, re.MULTILINE | re.DOTALL):
        for line in block.splitlines()[1:]:
            typed = line.replace("REQUEST_ID", refused.headers["x-request-id"])
            _run(typed, directory, environment)
            ran.append(line.split()[1])
    assert {"audit", "explain", "shadow", "canary", "apply", "history", "rollback"} == set(ran)


def test_links_lead_somewhere() -> None:
    for document in [
        *DOCUMENTS,
        REPOSITORY / "policies/README.md",
        REPOSITORY / "triton/README.md",
    ]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"

"""Every command of the README and of docs/ is run, in its order, as a reader would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest
import yaml

from tests.e2e.stack import REPOSITORY, SLUICE, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
DOCUMENTS.sort(key=lambda path: path.name == "audit.md")  # the last, for it erases ada
UP, DOWN = "sluice up --detach", "sluice down"
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


class Reader:
    """Types what the documents say in a clone of the repository, on ports of its own.

    One stack serves all documents: each begins with `up` and ends with `down`, which are run once.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in (
            "triton",
            "ci",
            "schemas",
            "Makefile",
            "pyproject.toml",
            "requirements-dev.lock",
        ):
            (directory / name).symlink_to(REPOSITORY / name)
        config = yaml.safe_load((REPOSITORY / "gateway.yaml").read_text())
        config["listener"]["port"], config["admin"]["port"] = free_port(), free_port()
        (directory / "gateway.yaml").write_text(yaml.safe_dump(config))
        self.address = f"127.0.0.1:{config['listener']['port']}"
        path = f"{Path(SLUICE).parent}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path}
        self.clone()

    def clone(self) -> None:
        """Have the policies as they are in the repository."""
        shutil.rmtree(self.directory / "policies", ignore_errors=True)
        shutil.copytree(REPOSITORY / "policies", self.directory / "policies")

    def type(self, line: str) -> str:
        """Run a line and return what it prints. It has to succeed."""
        if line.startswith("export "):
            name = line.removeprefix("export ").partition("=")[0]
            self.environment[name] = self.key(name.lower())
            return ""
        if line == UP and (self.directory / ".sluice/run/stack.json").exists():
            return ""
        if line.startswith("make "):
            line = line.replace("make ", "make --dry-run --always-make PYTHON=python3 ", 1)
        done = subprocess.run(
            ["/bin/sh", "-c", line.replace(ADDRESS, self.address)],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def key(self, name: str) -> str:
        """A demo key."""
        keys = json.loads((self.directory / ".sluice/demo-keys.json").read_text())
        return str(next(key["key"] for key in keys if key["name"] == name))


@pytest.fixture(scope="module")
def only_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """The one behind `reader`."""
    made = Reader(tmp_path_factory.mktemp("clone"))
    made.type(UP)
    yield made
    assert made.type(DOWN) == "stopped\n"


@pytest.fixture
def reader(only_reader: Reader) -> Reader:
    """Somebody who has just cloned the repository and started a stack."""
    only_reader.clone()
    return only_reader


def test_the_readmes_card_is_hidden_from_the_model_and_comes_back(reader: Reader) -> None:
    lines = (REPOSITORY / "README.md").read_text().splitlines()
    typed = [line for line in lines if line.startswith("curl") and "4111" in line]
    reader.type("export ADA=")
    stream, cut = (reader.type(line) for line in typed)
    events = [json.loads(event[6:]) for event in stream.split("\n\n") if event[:7] == "data: {"]
    choices = [choice for event in events for choice in event["choices"]]
    said = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert said == "Pay with 4111 1111 1111 1111, please"
    assert json.loads(cut)["choices"][0]["message"]["content"] == "Pay with [CARD"


def test_what_a_policy_author_types_on_the_gateway(reader: Reader) -> None:
    reader.type("sluice init my-policies")
    refused = httpx.post(
        f"http://{reader.address}/v1/chat/completions",
        headers={"authorization": f"Bearer {reader.key('bob')}"},
        json={"model": "chat", "max_tokens": 10_000, "messages": [{"role": "user", "content": ""}]},
    )
    assert refused.status_code == 403
    tiers = reader.directory / "policies/data/tiers.yaml"
    tiers.write_text(tiers.read_text().replace("max_tokens: 512", "max_tokens: 16"))
    document = (REPOSITORY / "docs/policy-authors.md").read_text()
    ran = []
    for block in re.findall(r"^```sh gateway\n(.*?)^```$", document, re.MULTILINE | re.DOTALL):
        for line in block.splitlines()[1:]:
            reader.type(line.replace("REQUEST_ID", refused.headers["x-request-id"]))
            ran.append(line.split()[1])
    assert {"audit", "explain", "shadow", "canary", "apply", "history", "rollback"} == set(ran)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_works(document: Path, reader: Reader) -> None:
    for line, promised in _steps(document):
        # The stack goes on for the next document.
        printed = reader.type(line) if line != DOWN else ""
        if promised is not None:
            assert json.loads(printed) == promised
        elif line.startswith("curl"):
            assert '"error"' not in printed, printed


def test_links_lead_somewhere() -> None:
    for document in [
        *DOCUMENTS,
        REPOSITORY / "policies/README.md",
        REPOSITORY / "triton/README.md",
    ]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"

"""A policy change takes effect in a running stack, whole or not at all."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import PROMPT, REPOSITORY, SLUICE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.conftest import Stack

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("engine", ["wasm", "opa"])
def test_an_edit_takes_effect_and_a_broken_one_does_not(
    private_stack: Callable[..., Stack], tmp_path: Path, engine: str
) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(REPOSITORY / "policies", policies)
    stack = private_stack(
        lambda config: config["policy"].update(directory=str(policies), engine=engine)
    )
    client = stack.http("globex")
    chat = {"model": "chat", "messages": PROMPT, "max_tokens": 2}
    assert client.post("/v1/chat/completions", json=chat).status_code == 200

    rego = policies / "gateway" / "inference" / "inference.rego"
    shipped = rego.read_text()
    rego.write_text(shipped + "\nnot rego\n")
    done = subprocess.run(
        [SLUICE, "apply", "--state-dir", str(stack.state_dir)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "inference.rego:" in done.stderr
    assert "Traceback" not in done.stderr
    assert client.post("/v1/chat/completions", json=chat).status_code == 200

    rego.write_text(shipped)
    tiers = policies / "data" / "tiers.yaml"
    assert "viewer" in (policies / "data" / "roles.yaml").read_text()
    roles = policies / "data" / "roles.yaml"
    roles.write_text(roles.read_text().replace("viewer:", "onlooker:"))
    assert tiers.exists()
    stack.sluice("apply")
    assert client.post("/v1/chat/completions", json=chat).status_code in {403, 404}
    assert stack.http("acme").post("/v1/chat/completions", json=chat).status_code == 200

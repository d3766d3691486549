"""What the engines make of a compiled snapshot's policies."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from extauth.compiler.policies import ENTRYPOINTS
from extauth.policy.engine import Entrypoint
from extauth.policy.wasm import WasmEngine
from extauth.stack.engines.opa import find_opa

if TYPE_CHECKING:
    from extauth.snapshot import Snapshot


def asked(snapshot: Snapshot, query: str) -> Any:
    """What a real OPA answers from the bundle, to an input that says nothing."""
    done = subprocess.run(
        [find_opa().path, "eval", "--bundle", snapshot.root / "policy/bundle.tar.gz", query],
        input="{}",
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)["result"][0]["expressions"][0]["value"]


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_opa_decides_from_the_bundle_and_denies_what_it_knows_nothing_of(
    snapshot: Snapshot, entrypoint: str
) -> None:
    decision = asked(snapshot, f"data.{entrypoint.replace('/', '.')}")
    assert decision["allow"] is False
    assert decision["reasons"]


def test_opa_knows_the_models(snapshot: Snapshot) -> None:
    assert set(asked(snapshot, "data.catalog.models")) == set(snapshot.settings.models)


def test_opa_names_the_revision(snapshot: Snapshot) -> None:
    done = subprocess.run(
        [find_opa().path, "inspect", "--format", "json", snapshot.root / "policy/bundle.tar.gz"],
        capture_output=True,
        check=True,
    )
    revision = json.loads(done.stdout)["manifest"]["revision"]
    assert len(revision) == 32
    assert int(revision, 16) > 0


async def test_the_module_has_every_entry_point_and_needs_no_host(snapshot: Snapshot) -> None:
    """Else the engine refuses it."""
    engine = WasmEngine.open(snapshot)
    await engine.close()
    assert set(ENTRYPOINTS) == set(Entrypoint)

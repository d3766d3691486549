"""What differs between two snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.compiler import Overrides, compile_snapshot
from extauth.stack.activation.changes import ValueChange
from extauth.stack.activation.difference import compare
from extauth.stack.engines.opa import find_opa
from tests.compiler.conftest import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.snapshot import Snapshot

pytestmark = pytest.mark.slow


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def build(workspace: Workspace) -> Snapshot:
    out = workspace.root / "out"
    made, _ = compile_snapshot(
        workspace.config, out, opa=find_opa().path, envoy=None, overrides=Overrides()
    )
    return made


def test_nothing(workspace: Workspace) -> None:
    found = compare(build(workspace), build(workspace))
    assert not found.any
    assert (found.settings, found.policies, found.data, found.files) == ((), {}, (), ())
    assert not any(names.any for names in (found.clusters, found.routes, found.models))


def test_everything_has_its_place(workspace: Workspace) -> None:
    old = build(workspace)
    remote = {"kind": "triton", "url": "http://127.0.0.1:1", "region": "x"}
    workspace.write(
        ("backends.remote", remote),
        ("limits.json_depth", 33),
        ("models.echo.price", {"prompt": 5, "completion": 0}),
    )
    (workspace.root / "tokenizer.json").write_text("{} ")
    policies = workspace.root / "policies"
    (policies / "gateway" / "more.rego").write_text("package gateway.more\n\na := 1\n")
    (policies / "data" / "more.yaml").write_text("more: 1\n")
    found = compare(old, build(workspace))
    assert found.any
    assert ValueChange("limits.json_depth", 32, 33) in found.settings
    assert ValueChange("models.echo.price.prompt", 0, 5) in found.settings
    assert "backends.remote" in {change.path for change in found.settings}
    assert found.clusters.added == ("remote",)
    assert not found.clusters.removed
    assert found.models.changed == ("echo",)
    assert found.files == ("models/echo/tokenizer.json",)
    assert found.policies["gateway/more.rego"].startswith(
        "--- /dev/null\n+++ b/gateway/more.rego\n"
    )
    # The price is a setting, and in the catalogue that policies read: it is told once.
    assert found.data == (ValueChange("more", None, 1),)
    assert set(found.policies) == {"gateway/more.rego"}
    back = compare(build(workspace), old)
    assert back.clusters.removed == ("remote",)
    assert back.policies["gateway/more.rego"].splitlines()[1] == "+++ /dev/null"


def test_a_limit_is_in_envoys_routes_too(workspace: Workspace) -> None:
    old = build(workspace)
    workspace.write(("limits.request_timeout", "30s"))
    found = compare(old, build(workspace))
    assert "inference-plain" in found.routes.changed
    assert "inference-streamed" not in found.routes.changed

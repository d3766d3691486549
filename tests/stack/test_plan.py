"""What is missing is told before anything starts."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from extauth.errors import StackError
from extauth.settings import Audit, LedgerSettings, Settings, StoreSettings
from extauth.stack.activation.compilation import StackOptions
from extauth.stack.plan import prepare
from extauth.stack.progress import Silent, Terminal
from extauth.storage.state import StateDir
from extauth.stores import require_clients
from tests.compiler.conftest import ELSEWHERE, SETTINGS, Workspace
from tests.e2e.stack import free_port

if TYPE_CHECKING:
    from pathlib import Path

POSTGRES = StoreSettings("postgres", "postgresql://sluice@localhost/sluice")


@pytest.mark.parametrize(
    ("settings", "package", "extra"),
    [
        (replace(SETTINGS, ledger=LedgerSettings("redis", "redis://redis")), "redis", "redis"),
        (replace(SETTINGS, audit=Audit(store=POSTGRES)), "psycopg", "postgres"),
        (
            replace(SETTINGS, identity=replace(SETTINGS.identity, store=POSTGRES)),
            "psycopg",
            "postgres",
        ),
    ],
)
def test_a_shared_store_needs_its_client(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, package: str, extra: str
) -> None:
    require_clients(settings)
    # As where it is not installed.
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StackError, match=rf"pip install 'sluicegate\[{extra}\]'"):
        require_clients(settings)
    require_clients(SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "told", "started"),
    [
        ({"engine": "opa", "url": "https://opa.test"}, True, ["service", "envoy"]),
        ({"engine": "opa"}, False, ["opa", "service", "envoy"]),
        ({"engine": "wasm", "url": "https://opa.test"}, False, ["service", "envoy"]),
    ],
)
def test_an_opa_server_of_others_is_told_of_at_the_start(
    tmp_path: Path, policy: dict[str, str], told: bool, started: list[str]
) -> None:
    changes = [(f"policy.{key}", value) for key, value in policy.items()]
    config = Workspace(tmp_path).write(*ELSEWHERE, *changes)
    state = StateDir.at(tmp_path / "state")
    notes = io.StringIO()
    plan = prepare(
        StackOptions(config, state, port=free_port(), admin_port=free_port()), Terminal(notes)
    )
    assert [command.name for group in plan.commands for command in group] == started
    sentence = "the OPA server at https://opa.test, which somebody else runs: this gateway does not"
    assert (sentence in notes.getvalue()) is told


@pytest.mark.slow
def test_a_stack_without_an_embedded_server_needs_no_triton(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    state = StateDir.at(tmp_path / "state")
    # As where it is not installed.
    monkeypatch.setitem(sys.modules, "pytriton", None)
    options = StackOptions(workspace.config, state, port=free_port(), admin_port=free_port())
    with pytest.raises(StackError, match="Triton is missing"):
        prepare(options, Silent())
    workspace.write(*ELSEWHERE)
    plan = prepare(options, Silent())
    names = [command.name for group in plan.commands for command in group]
    assert names == ["service", "envoy"]

"""The command as a user meets it: one line and an exit status when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from extauth.cli import app
from extauth.cli.terminal.commands import COMMANDS, HIDDEN
from tests.compiler.conftest import ELSEWHERE, Workspace

pytestmark = pytest.mark.slow

SLUICE = Path(sys.executable).with_name("sluice")


def sluice(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SLUICE, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version(tmp_path: Path) -> None:
    assert sluice("--version", cwd=tmp_path).stdout == "sluice 0.1.0\n"


def test_help_lists_what_an_operator_needs_and_nothing_internal(tmp_path: Path) -> None:
    text = sluice("--help", cwd=tmp_path, COLUMNS="100").stdout
    shown = {name for name in ("up", "down", "status", "apply", "doctor") if f"│ {name} " in text}
    assert shown == {"up", "down", "status", "apply", "doctor"}
    assert "supervise" not in text


def test_an_unknown_option_is_a_usage_error(tmp_path: Path) -> None:
    assert sluice("up", "--colour", cwd=tmp_path).returncode == 2


def test_a_configuration_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = sluice("up", "--detach", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"sluice: {tmp_path / 'gateway.yaml'}: ")
    assert "Traceback" not in done.stderr


def test_nothing_runs_where_nothing_was_started(tmp_path: Path) -> None:
    done = sluice("status", "--json", cwd=tmp_path)
    assert done.returncode == 3
    assert json.loads(done.stdout) == {"running": False, "state_dir": str(tmp_path / ".sluice")}


def test_stopping_nothing_succeeds_and_says_so(tmp_path: Path) -> None:
    done = sluice("down", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"no stack runs on {tmp_path / '.sluice'}\n")


def test_applying_to_nothing_is_one_line(tmp_path: Path) -> None:
    done = sluice("apply", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        f"sluice: no stack is ready on {tmp_path / '.sluice'}; `sluice up` starts one\n"
    )


def test_doctor_tells_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    done = sluice("doctor", "--json", cwd=tmp_path, SLUICE_OPA="/nowhere")
    assert done.returncode == 1
    findings = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
    assert findings["opa"]["remedy"] == "SLUICE_OPA=/nowhere is not an OPA that runs"
    assert findings["envoy"]["ok"]
    assert findings["triton"]["ok"]


def test_doctor_is_content_with_this_machine(tmp_path: Path) -> None:
    done = sluice("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"ok"}


def test_doctor_looks_for_triton_where_a_backend_embeds_it(tmp_path: Path) -> None:
    def findings() -> dict[str, dict[str, Any]]:
        told = json.loads(sluice("doctor", "--json", cwd=tmp_path).stdout)
        return {one["name"]: one for one in told["findings"]}

    workspace = Workspace(tmp_path)
    assert "triton" in findings()
    workspace.write(*ELSEWHERE)
    assert findings().keys() == {"machine", "python", "envoy", "opa"}
    workspace.write(*ELSEWHERE, ("models.echo.backend", "nonesuch"))
    found = findings()
    assert "there is no backend nonesuch" in found["config"]["remedy"]
    assert not found["config"]["ok"]
    assert "triton" in found


def test_a_missing_engine_is_one_line(tmp_path: Path) -> None:
    done = sluice("up", cwd=tmp_path, SLUICE_OPA="/nowhere")
    assert done.returncode == 1
    assert done.stderr == "sluice: SLUICE_OPA=/nowhere is not an OPA that runs\n"


def test_every_command_is_there_and_a_slip_is_told(tmp_path: Path) -> None:
    for name in (*COMMANDS, *HIDDEN):
        assert "Usage: " in CliRunner().invoke(app, [name, "--help"]).stdout, name
    done = sluice("statsu", cwd=tmp_path)
    assert done.returncode == 2
    assert "Did you mean 'status'?" in done.stderr


def test_a_command_imports_what_it_needs_alone(tmp_path: Path) -> None:
    call = "from extauth.cli import app; app(['down'], standalone_mode=False)"
    script = f"{call}; import sys; print([*sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "extauth.cli.stack" in done.stdout
    for module in ("extauth.cli.audit", "extauth.stack.run", "rich.table", "aiohttp", "yaml"):
        assert f"'{module}'" not in done.stdout, module

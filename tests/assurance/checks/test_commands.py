"""`sluice check` and `sluice test` as a user and a CI server meet them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from extauth.cli import app
from tests.policy.conftest import ROOT, opa_path

if TYPE_CHECKING:
    from tests.assurance.checks.conftest import Edit

pytestmark = pytest.mark.slow

SLUICE = Path(sys.executable).with_name("sluice")


def environment() -> dict[str, str]:
    return {**os.environ, "SLUICE_OPA": opa_path(), "PYTHONUNBUFFERED": "1"}


def sluice(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SLUICE, *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_shipped_repository_passes() -> None:
    done = sluice("check", cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    states = {line[:32].strip(): line[32:].strip() for line in done.stdout.splitlines()}
    assert states["Envoy and Triton configuration"] == "ok"
    assert states["Both engines"] == "ok"
    assert set(states.values()) <= {"ok", "skipped: regal is not on PATH"}


@pytest.mark.parametrize(
    "arguments", [("check", "nowhere"), ("test", "."), ("test", ".", "--run", "(")]
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("sluice: ")
    assert len(done.stderr.splitlines()) == 1


def test_findings_in_the_words_of_a_forge(policies: Path, edit: Edit) -> None:
    edit("gateway/usage/usage_test.rego", "denied(10000)", "denied(1)")
    done = sluice("test", "policies", "--run", "daily", "--format", "github", cwd=policies.parent)
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=policies/gateway/usage/usage_test.rego,line=")


def test_a_machine_without_opa_gets_one(policies: Path, tmp_path: Path) -> None:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(f'#!/bin/sh\ncp {opa_path()} "$GOBIN/opa"\n')
    go.chmod(0o755)
    fresh = {
        **{name: value for name, value in os.environ.items() if name != "SLUICE_OPA"},
        "SLUICE_CACHE": str(tmp_path / "cache"),
        "PATH": f"{go.parent}:/usr/bin:/bin",
    }
    first, second = (
        subprocess.run(
            [SLUICE, "test", "policies", "--run", "daily"],
            cwd=policies.parent,
            env=fresh,
            capture_output=True,
            text=True,
            check=False,
        )
        for _ in range(2)
    )
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert first.stderr.startswith("building OPA ")
    assert second.stderr == ""
    assert first.stdout == second.stdout


def test_watching(policies: Path, edit: Edit) -> None:
    watching = subprocess.Popen(
        [SLUICE, "test", "policies", "--watch", "--run", "daily"],
        cwd=policies.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert watching.stdout is not None
        assert watching.stderr is not None
        assert "waiting for a change" in watching.stderr.readline()
        edit("gateway/usage/usage_test.rego", "denied(10000)", "denied(1)")
        assert "waiting for a change" in watching.stderr.readline()
        watching.send_signal(signal.SIGINT)
        rest, errors = watching.communicate(timeout=30)
    finally:
        watching.kill()
    assert watching.returncode == 130
    assert "Traceback" not in errors
    assert rest.index("Unit tests") < rest.rindex("failed")

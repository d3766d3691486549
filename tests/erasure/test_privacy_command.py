"""`sluice privacy erase` as people and scripts meet it, on a stack that does not run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from extauth.cli.audit import app as audit
from extauth.cli.privacy import app
from extauth.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.erasure.conftest import Gateway

pytestmark = pytest.mark.slow


def run(state: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments, "--state-dir", str(state)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_tells_who_would_be_erased_first(gateway: Gateway) -> None:
    told = run(gateway.state.path, "--subject", "acme/laptop-ada", "--dry-run")

    assert {"acme/ada", "acme/laptop-ada"} <= set(told.split())
    assert gateway.traces()
    listed = json.loads(
        run(gateway.state.path, "--subject", "acme/laptop-ada", "--dry-run", "--json")
    )
    assert listed["principals"] == told.split()


def test_it_tells_what_was_done_where(gateway: Gateway) -> None:
    told = run(gateway.state.path, "--subject", "acme/ada")

    assert gateway.traces() == {}
    rows = {line.split("  ")[0].strip(): line.split()[-2:] for line in told.splitlines()}
    assert rows["keys"] == ["0", "2"]
    assert rows["audit records"] == ["63", "0"]
    assert rows["ledger"] == ["2", "0"], "two lines of the report; no counter counts any more"
    assert "on record as action 2, of acme/erased-" in told
    again = json.loads(run(gateway.state.path, "--subject", "acme/ada", "--json"))
    assert {each["rewritten"] + each["deleted"] for each in again["stores"]} == {0}
    shown = CliRunner().invoke(audit, ["actions", "--state-dir", str(gateway.state.path)]).stdout
    assert "audit records: 63" in shown


def test_what_is_no_subject_is_refused(gateway: Gateway) -> None:
    done = CliRunner().invoke(app, ["--subject", "ada", "--state-dir", str(gateway.state.path)])

    assert isinstance(done.exception, InvalidRequest)
    assert "expected TENANT/NAME" in done.exception.message

"""`sluice explain` as it is called: records of a state directory, files, exit statuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from typer.testing import CliRunner

from extauth.assurance.explanation.leaves import document_of
from extauth.audit import AuditRecord, AuditWriter, Outcome
from extauth.audit.sqlite import SqliteLog
from extauth.cli import app
from tests.policy.conftest import POLICIES, opa_path

from .conftest import PROMPT, facts

if TYPE_CHECKING:
    from click.testing import Result

    from extauth.snapshot import Snapshot

pytestmark = pytest.mark.slow

SLUICE = str(Path(sys.executable).with_name("sluice"))


def run(*arguments: str, given: str = "") -> Result:
    """The command, in this process."""
    return CliRunner().invoke(app, ["explain", *arguments], input=given)


@pytest.fixture
async def state(tmp_path: Path, snapshot: Snapshot) -> Path:
    """A state directory with a snapshot, and the records of three requests."""
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / snapshot.digest).symlink_to(snapshot.root)
    denied = AuditRecord(
        request_id="long", time=0, snapshot=snapshot.digest, engine="wasm", source="192.0.2.1",
        outcome=Outcome.DENIED, status=403, facts=facts(PROMPT, "tokens.prompt=9000"),
        error="tokens.prompt",
    )  # fmt: skip
    gone = msgspec.structs.replace(denied, request_id="gone", snapshot="0" * 64)
    log = SqliteLog(tmp_path / "audit.db")
    writer = AuditWriter(log, retention=1e12, clock=lambda: 0)
    await writer.start()
    for record in (denied, gone):
        await writer.record(record)
    await writer.close()
    log.close()
    return tmp_path


def test_a_request_is_explained_by_the_policies_that_decided_it(
    state: Path, snapshot: Snapshot
) -> None:
    done = subprocess.run(
        [SLUICE, "explain", "long", "--state-dir", str(state), "--format", "json"],
        capture_output=True,
        env={**os.environ, "SLUICE_OPA": opa_path()},
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["policies"] == snapshot.digest
    assert [item["reason"]["rule"] for item in told["fired"]] == ["tokens.prompt"]
    assert told["recorded"]["request_id"] == "long"


def test_a_request_that_nobody_knows_is_exit_status_1(state: Path) -> None:
    done = run("nine", "--state-dir", str(state))

    assert done.exit_code == 1
    assert done.stderr.startswith("sluice: no record of request nine in ")
    assert done.stdout == ""


def test_a_snapshot_that_is_gone_can_be_replaced(state: Path) -> None:
    done = run("gone", "--state-dir", str(state))
    assert done.exit_code == 1
    assert "--policies DIR" in done.stderr

    done = run("gone", "--state-dir", str(state), "--policies", str(POLICIES))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("DENIED 403 by tokens.prompt")


def test_facts_come_from_standard_input_too() -> None:
    given = json.dumps(document_of(facts()))

    done = run("--input", "-", "--policies", str(POLICIES), "--format", "markdown", given=given)

    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("## ALLOWED")


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        (("--input", "-"), '{"request": 5}', "standard input:1: "),
        (("--input", "-"), "{", "not JSON"),
        (("--input", "no.json"), "", "no.json: can't be read"),
        ((), "", "either a request id or a file"),
        (("one", "--input", "-"), "", "either a request id or a file"),
    ],
)
def test_what_is_wrong_is_exit_status_2(arguments: tuple[str, ...], given: str, told: str) -> None:
    done = run(*arguments, "--policies", str(POLICIES), given=given)

    assert done.exit_code == 2
    assert isinstance(done.exception, SystemExit)
    assert told in done.stderr

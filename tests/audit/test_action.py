"""What operators changed: written down before it is done, completed afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import msgspec
import pytest
from typer.testing import CliRunner

from extauth.audit import Action, ActionLog, AuditLog, AuditRecord
from extauth.audit.action import actions
from extauth.audit.sqlite import SqliteLog
from extauth.audit.store import AuditStore
from extauth.cli.audit import app
from extauth.errors import SluiceError, StackError

from .contract import write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PUBLISHED = Path(__file__).parents[2] / "schemas" / "action.schema.json"
NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
GRANT = Action(
    time=NOW,
    credential="admin token",
    user="ada",
    kind="limits.grant",
    subject="tenant:acme",
    details={"unit": "tokens", "amount": 500, "name": None},
    before=[{"unit": "tokens", "used": 900}],
)


@pytest.fixture
async def used(log: AuditLog, stranger: AuditRecord) -> AuditLog:
    """An audit log with the record of one request."""
    await write(log, [stranger])
    return log


@pytest.fixture
async def state(tmp_path: Path, stranger: AuditRecord) -> AsyncIterator[Path]:
    """A state directory that has one."""
    log = SqliteLog(tmp_path / "audit.db")
    await write(log, [stranger])
    yield tmp_path
    log.close()


def run(state: Path, *arguments: str) -> str:
    """What a command prints; its error when it fails."""
    result = CliRunner().invoke(app, [*arguments, "--state-dir", str(state)])
    if isinstance(result.exception, SluiceError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_action_is_known_before_it_is_done(used: AuditLog) -> None:
    log = ActionLog(used)
    number = log.begin(GRANT)

    assert list(actions(used)) == [GRANT]

    done = msgspec.structs.replace(GRANT, after=[{"unit": "tokens", "used": 400}])
    log.complete(number, done)

    assert list(actions(used)) == [done]
    assert log.begin(GRANT) == number + 1


def test_actions_are_apart_from_requests(used: AuditLog) -> None:
    ActionLog(used).begin(GRANT)

    store = AuditStore(used)
    assert len(store.last(10)) == len(list(store.export())) == 1


def test_they_stay_when_requests_are_deleted(used: AuditLog) -> None:
    """`retention` is about requests."""
    ActionLog(used).begin(msgspec.structs.replace(GRANT, time=0.0))

    assert len(list(actions(used, until=1.0))) == 1
    assert list(actions(used, since=1.0)) == []


def test_before_the_first_action_there_are_none(state: Path) -> None:
    assert json.loads(run(state, "actions", "--json")) == {"actions": []}
    assert run(state, "export", "--actions") == ""


def test_without_an_audit_log_nothing_is_done(log: AuditLog) -> None:
    with pytest.raises(StackError, match="there is no audit log"):
        ActionLog(log).begin(GRANT)
    assert not log.exists()


def test_people_and_scripts_read_them(state: Path) -> None:
    kept = SqliteLog(state / "audit.db")
    log = ActionLog(kept)
    log.complete(
        log.begin(GRANT), msgspec.structs.replace(GRANT, after=[{"unit": "tokens", "used": 400}])
    )
    log.begin(msgspec.structs.replace(GRANT, kind="limits.reset", user=None))
    kept.close()

    table = run(state, "actions")
    (first, second) = json.loads(run(state, "actions", "--json"))["actions"]
    (line, _) = run(state, "export", "--actions").splitlines()

    for text in ("2026-09-21 14:13:20Z", "ada", "admin token", "limits.grant", "tenant:acme"):
        assert text in table
    for text in ("unit=tokens amount=500", "900 tokens", "400 tokens", "not completed"):
        assert text in table
    assert (first["user"], first["after"][0]["used"]) == ("ada", 400)
    assert (second["user"], second["after"]) == (None, None)
    assert json.loads(line) == first
    jsonschema.validate(first, json.loads(PUBLISHED.read_text()))

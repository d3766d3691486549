"""`sluice keys`, and a running gateway that follows."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from extauth.cli.keys import app
from extauth.errors import InvalidRequest, SluiceError, Unauthenticated
from extauth.identity import SqliteKeys
from extauth.types import Consent

from .contract import recognised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CREATE = ("create", "ada", "--tenant", "acme", "--tier", "premium")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def gateway(state: Path) -> Iterator[SqliteKeys]:
    store = SqliteKeys(state / "identity.db")
    yield store
    store.close()


def run(state: Path, *arguments: str) -> str:
    """What a command prints; its error when it fails."""
    result = CliRunner().invoke(app, [*arguments, "--state-dir", str(state)])
    if isinstance(result.exception, SluiceError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_new_key_works_at_once(state: Path, gateway: SqliteKeys) -> None:
    more = ("--role", "developer", "--role", "viewer", "--region", "eu", "--attribute", "team=a=b")

    key = run(state, *CREATE, *more).strip()

    principal = recognised(gateway, key, time.time())
    assert (principal.id, principal.roles, principal.region) == (
        "acme/ada",
        ("developer", "viewer"),
        "eu",
    )
    assert principal.attributes == {"team": "a=b"}


def test_consent_is_given_and_withdrawn(state: Path, gateway: SqliteKeys) -> None:
    agreed = ("--consent", "support", "--consent", "billing", "--consent-until", "2027-01-31")
    key = run(state, *CREATE, *agreed, "--retention", "short").strip()
    principal = recognised(gateway, key, time.time())
    assert principal.consent == Consent(("support", "billing"), "2027-01-31")
    assert principal.retention == "short"

    run(state, "consent", "acme/ada", "--consent", "support")
    assert recognised(gateway, key, time.time()).consent == Consent(("support",))
    run(state, "consent", "acme/ada", "--withdraw")
    assert recognised(gateway, key, time.time()).consent == Consent(())


def test_scripts_get_json(state: Path) -> None:
    made = json.loads(run(state, *CREATE, "--expires", "30d", "--json"))

    (listed,) = json.loads(run(state, "list", "--json"))["keys"]
    assert listed == made["record"]
    assert listed["works"]
    assert listed["expires"] - listed["created"] == 30 * 86_400
    assert made["key"].startswith(f"sk-{listed['id']}-")


def test_the_list_shows_no_secret(state: Path) -> None:
    key = run(state, *CREATE).strip()

    table = run(state, "list", "--tenant", "acme")

    assert key.split("-")[1] in table
    assert "acme/ada" in table
    assert key.split("-", 2)[2] not in table


def test_rotating_leaves_the_old_key_its_grace(state: Path, gateway: SqliteKeys) -> None:
    old = run(state, *CREATE).strip()

    new = json.loads(run(state, "rotate", "acme/ada", "--grace", "1h", "--json"))["key"]

    recognised(gateway, new, time.time())
    recognised(gateway, old, time.time())
    with pytest.raises(Unauthenticated):
        recognised(gateway, old, time.time() + 3601)


def test_revoking_ends_a_key_at_once(state: Path, gateway: SqliteKeys) -> None:
    key = run(state, *CREATE).strip()

    assert "revoked" in run(state, "revoke", key.split("-")[1])

    with pytest.raises(Unauthenticated):
        recognised(gateway, key, time.time())


def test_a_name_that_is_taken_is_told(state: Path) -> None:
    run(state, *CREATE)

    with pytest.raises(InvalidRequest, match="already called acme/ada"):
        run(state, *CREATE)


@pytest.mark.parametrize(
    "wrong", [("--expires", "soon"), ("--expires", "1.5h"), ("--attribute", "team")]
)
def test_a_wrong_option_is_told(state: Path, wrong: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, [*CREATE, *wrong, "--state-dir", str(state)])

    assert result.exit_code == 2
    assert not (state / "identity.db").exists()

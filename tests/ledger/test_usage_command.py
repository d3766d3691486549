"""`sluice usage`, priced by the active configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from typer.testing import CliRunner

from extauth.cli.usage import app
from extauth.errors import SluiceError, StackError
from extauth.ledger import EmbeddedLedger
from extauth.settings import Admin, Identity, Limits, Listener, Model, Policy, Price, Settings
from extauth.types import Account, Usage

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000.0  # 2026-09-21
SETTINGS = Settings(
    time_zone="UTC",
    listener=Listener("127.0.0.1", 8080),
    admin=Admin("127.0.0.1", 8081),
    policy=Policy("wasm", 0.25),
    backends={},
    models={
        "chat": Model(
            name="chat",
            backend="triton",
            task="chat",
            versions=("1",),
            aliases={},
            default="1",
            context_length=1024,
            price=Price(prompt=150_000, completion=600_000),
            region="eu-west",
            tokenizer="models/chat/tokenizer.json",
        )
    },
    identity=Identity(rotation_grace=3600),
    limits=Limits(2**20, 2**23, 2**15, 60, 60, 32),
)


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    ledger = EmbeddedLedger(tmp_path / "ledger.db", lambda: NOW)
    await ledger.start()
    for tenant, principal in (("acme", "acme/ada"), ("acme", "acme/ben"), ("globex", "globex/bob")):
        account = Account(tenant, principal, "chat", "1")
        await ledger.settle(await ledger.reserve(account, (), NOW), Usage(1_000_000, 500_000), NOW)
    await ledger.close()
    snapshot = tmp_path / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "settings.json").write_bytes(msgspec.json.encode(SETTINGS))
    (tmp_path / "active").symlink_to(snapshot)
    return tmp_path


def run(state: Path, *arguments: str) -> str:
    """What the command prints; its error when it fails."""
    result = CliRunner().invoke(app, [*arguments, "--state-dir", str(state)])
    if isinstance(result.exception, SluiceError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_people_get_a_table(state: Path) -> None:
    table = run(state)

    assert all(text in table for text in ("acme/ada", "acme/ben", "globex/bob", "chat", "0.450000"))


def test_scripts_get_json(state: Path) -> None:
    rows = json.loads(run(state, "--by", "day", "--by", "tenant", "--json"))["usage"]

    assert rows[0] == {
        "group": {"day": "2026-09-21", "tenant": "acme"},
        "requests": 2,
        "prompt_tokens": 2_000_000,
        "completion_tokens": 1_000_000,
        "unsettled": 0,
        "cost": 900_000,
    }
    assert rows[1]["group"]["tenant"] == "globex"


def test_selects(state: Path) -> None:
    rows = json.loads(run(state, "--principal", "acme/ben", "--since", "2026-09-21", "--json"))

    assert [row["group"]["principal"] for row in rows["usage"]] == ["acme/ben"]
    assert json.loads(run(state, "--until", "2026-09-20", "--json"))["usage"] == []


def test_an_empty_state_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no configuration is active"):
        run(tmp_path)

"""`sluice usage`: tables for people, CSV and JSON for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from typer.testing import CliRunner

from extauth.cli.usage import app
from extauth.errors import InvalidRequest, SluiceError, StackError
from extauth.ledger import Demand, EmbeddedLedger
from extauth.settings import Admin, Identity, Limits, ListenerSettings, Policy, Settings
from extauth.types import Account, Usage

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000.0  # 2026-09-21
SETTINGS = Settings(
    time_zone="UTC",
    listener=ListenerSettings("127.0.0.1", 8080),
    admin=Admin("127.0.0.1", 8081),
    policy=Policy("wasm", 0.25),
    backends={},
    models={},
    identity=Identity(rotation_grace=3600),
    limits=Limits(2**20, 2**23, 2**15, 60, 60, 32),
)

BUDGETS = {
    "tenants": {"acme": {"cost": 1_000_000, "on_exceed": "deny", "warn_at": [80]}},
    "teams": {"acme": {"research": {"cost": 900_000, "on_exceed": "deny", "warn_at": []}}},
    "time_zone": "Europe/Berlin",
    "anchor": 1,
}


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    ledger = EmbeddedLedger(tmp_path / "ledger.db", lambda: NOW)
    await ledger.start()
    used = Usage(1_000_000, 500_000, 450_000, 2500)
    demand = Demand((), used, used, used)
    for tenant, principal, team in (
        ("acme", "acme/ada", "research"),
        ("acme", "acme/ben", ""),
        ("globex", "globex/bob", ""),
    ):
        account = Account(tenant, principal, "chat", "1", team)
        await ledger.settle(await ledger.reserve(account, demand, NOW), used, NOW)
    await ledger.close()
    snapshot = tmp_path / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "settings.json").write_bytes(msgspec.json.encode(SETTINGS))
    (snapshot / "policy").mkdir()
    (snapshot / "policy/data.json").write_text(json.dumps({"budgets": BUDGETS}))
    (tmp_path / "active").symlink_to(snapshot)
    return tmp_path


def run(state: Path, *arguments: str) -> str:
    """Return the command's output, or its error when it fails."""
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
        "cost": 900_000,
        "compute_seconds": 5.0,
        "unsettled": 0,
    }
    assert rows[1]["group"]["tenant"] == "globex"


def test_spreadsheets_get_a_chargeback_of_a_month(state: Path) -> None:
    sheet = run(state, "--by", "tenant,team,model", "--month", "2026-09", "--csv")

    assert sheet.splitlines() == [
        "tenant,team,model,requests,prompt_tokens,completion_tokens,cost,compute_seconds,unsettled",
        "acme,,chat,1,1000000,500000,0.450000,2.500,0",
        "acme,research,chat,1,1000000,500000,0.450000,2.500,0",
        "globex,,chat,1,1000000,500000,0.450000,2.500,0",
    ]
    assert len(run(state, "--month", "2026-08", "--csv").splitlines()) == 1


def test_a_forecast_is_held_against_the_budgets_in_force(state: Path) -> None:
    """The month is over, so the forecast is the month itself."""
    rows = json.loads(run(state, "--forecast", "--month", "2026-09", "--json"))["forecast"]
    table = run(state, "--forecast", "--month", "2026-09", "--by", "tenant,team")

    assert [(row["group"]["tenant"], row["cost"], row["budget"]) for row in rows] == [
        ("acme", 900_000, 1_000_000),
        ("globex", 450_000, None),
    ]
    assert all(text in table for text in ("research", "0.900000", "50%"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--by", "colour"), "can't be grouped by colour"),
        (("--month", "2026-9"), "not a month"),
        (("--forecast", "--since", "2026-09-01"), "of a month"),
    ],
)
def test_what_makes_no_sense_is_told(state: Path, options: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        run(state, *options)


def test_selects(state: Path) -> None:
    rows = json.loads(run(state, "--principal", "acme/ben", "--since", "2026-09-21", "--json"))

    assert [row["group"]["principal"] for row in rows["usage"]] == ["acme/ben"]
    assert json.loads(run(state, "--until", "2026-09-20", "--json"))["usage"] == []


def test_an_empty_state_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no configuration is active"):
        run(tmp_path)

"""`sluice audit`: tail, show and export."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import msgspec
import pytest
from typer.testing import CliRunner

from extauth.audit import AuditRecord
from extauth.audit.sqlite import SqliteLog
from extauth.cli.audit import app
from extauth.errors import SluiceError, StackError

from .contract import write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Made

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z


@pytest.fixture
async def state(tmp_path: Path, served: Made, stranger: AuditRecord) -> Path:
    log = SqliteLog(tmp_path / "audit.db")
    await write(log, [served("one"), stranger, served("two", tenant="globex", time=NOW + 3600)])
    log.close()
    return tmp_path


def run(state: Path, *arguments: str) -> str:
    """What a command prints; its error when it fails."""
    result = CliRunner().invoke(app, [*arguments, "--state-dir", str(state)])
    if isinstance(result.exception, SluiceError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_tail_tells_a_line_a_request(state: Path) -> None:
    lines = run(state, "tail", "--limit", "2").splitlines()

    assert len(lines) == 2
    assert all(
        word in lines[0] for word in ("14:13:20", "denied", "401", "stranger", "invalid_api_key")
    )
    assert all(word in lines[1] for word in ("served", "globex/ada", "chat@1", "two", "42 tokens"))


async def test_tail_tells_how_many_strangers_a_record_stands_for(
    tmp_path: Path, stranger: AuditRecord
) -> None:
    log = SqliteLog(tmp_path / "audit.db")
    await write(log, [msgspec.structs.replace(stranger, more=41)])
    log.close()
    assert run(tmp_path, "tail").endswith("invalid_api_key (and 41 more before it)\n")


def test_tail_prints_records_for_scripts(state: Path, served: Made) -> None:
    lines = run(state, "tail", "--json").splitlines()

    assert msgspec.json.decode(lines[0], type=AuditRecord) == served("one")


def test_show_prints_everything(state: Path) -> None:
    assert json.loads(run(state, "show", "one"))["facts"]["tokens"]["prompt"] == 12
    (record,) = json.loads(run(state, "show", "one", "--json"))["records"]
    assert record["decision"]["allow"]


def test_show_tells_when_there_is_no_such_request(state: Path) -> None:
    with pytest.raises(StackError, match="no record of request nine"):
        run(state, "show", "nine")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), ["one", "stranger", "two"]),
        (("--since", "2026-09-21T15:00"), ["two"]),
        (("--until", "2026-09-21T16:13:21+02:00"), ["one", "stranger"]),
        (("--since", "2026-09-22"), []),
        (("--tenant", "acme"), ["one"]),
    ],
)
def test_export_selects(state: Path, options: tuple[str, ...], found: list[str]) -> None:
    lines = run(state, "export", *options).splitlines()

    assert [json.loads(line)["request_id"] for line in lines] == found


def test_export_writes_a_private_file(state: Path) -> None:
    target = state / "records.jsonl"

    run(state, "export", "--output", str(target))

    assert len(target.read_text().splitlines()) == 3
    assert stat.S_IMODE(target.stat().st_mode) == 0o600

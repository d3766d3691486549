"""Where recorded traffic comes from, and what it must be like."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.assurance.replay.trace import open_trace
from extauth.audit import AuditWriter, Outcome
from extauth.audit.sqlite import SqliteLog
from extauth.errors import ConfigurationError

from .conftest import COUNT
from .trace import START, line, read

if TYPE_CHECKING:
    from extauth.assurance.replay.build import PolicyBuild

    from .conftest import Change, Run

pytestmark = pytest.mark.slow

FIRST_VERSION = Path(__file__).with_name("version-1.jsonl")
"""As the gateway wrote them before records had a guard, a load and a behaviour."""


async def test_an_audit_log_says_the_same_as_its_export(
    change: Change, run: Run, recorded: Path, tmp_path: Path
) -> None:
    candidate = change("data/tiers.yaml", "max_prompt_tokens: 512", "max_prompt_tokens: 300")
    log, compressed = tmp_path / "audit.db", tmp_path / "records.jsonl.gz"
    compressed.write_bytes(gzip.compress(recorded.read_bytes()))
    kept = SqliteLog(log)
    writer = AuditWriter(kept, retention=86_400, clock=lambda: START)
    await writer.start()
    for record in reversed(read(recorded)):
        await writer.record(record)
    await writer.close()
    kept.close()

    assert run(candidate, log) == run(candidate, recorded) == run(candidate, compressed)
    assert run(candidate, log, since=START + 7, until=START + 9).compared == 4


def test_records_without_facts_are_out_of_reach(
    shipped: PolicyBuild, run: Run, recorded: Path, tmp_path: Path
) -> None:
    record = read(recorded)[0]
    stranger = msgspec.structs.replace(
        record, facts=None, decision=None, principal=None, outcome=Outcome.DENIED, error="no_key"
    )
    path = tmp_path / "two.jsonl"
    path.write_bytes(line(stranger) + line(record))

    figures = run(shipped, path)

    assert (figures.records, figures.compared, figures.out_of_reach) == (2, 1, 1)


def test_a_broken_line_is_named(
    shipped: PolicyBuild, run: Run, recorded: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cut.jsonl"
    path.write_bytes(recorded.read_bytes()[:-100])
    with pytest.raises(ConfigurationError, match=rf"cut.jsonl:{COUNT}: not an audit record"):
        run(shipped, path)

    newer = recorded.read_bytes().replace(b'"version":3}', b'"version":7}')
    path.write_bytes(newer)
    with pytest.raises(ConfigurationError, match=r"cut.jsonl:1: .* version 7; .* version 1 to 3"):
        run(shipped, path)

    lines = recorded.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[3] + lines[0])
    with pytest.raises(ConfigurationError, match=r"cut.jsonl:2: older"):
        run(shipped, path)

    whole = gzip.compress(recorded.read_bytes())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigurationError, match=r"cut.jsonl.*truncated"):
        run(shipped, path)


def test_records_of_the_first_version_are_migrated_and_counted(
    shipped: PolicyBuild, change: Change, run: Run, tmp_path: Path
) -> None:
    unnumbered = tmp_path / "unnumbered.jsonl"
    unnumbered.write_bytes(FIRST_VERSION.read_bytes().replace(b',"version":1}', b"}"))
    wary = change("data/guard.yaml", "score: 0.8", "score: 0")

    figures = run(shipped, FIRST_VERSION)

    assert figures.compared == figures.migrated == len(FIRST_VERSION.read_bytes().splitlines())
    assert figures.new_denies.count == figures.new_allows.count == 0
    assert run(shipped, unnumbered) == figures
    # What the guard would have found is nothing, not unknown.
    assert "guard.injection" in run(wary, FIRST_VERSION).new_denies.by


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"audit.db: no decisions"):
        open_trace(tmp_path / "audit.db")

    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE a (b)").connection.close()
    with pytest.raises(ConfigurationError, match=r"other.db: written by another version"):
        open_trace(tmp_path / "other.db")

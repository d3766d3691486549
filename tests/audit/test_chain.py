"""The chain: whatever is changed, removed or put in afterwards shows."""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest
from typer.testing import CliRunner

from extauth.audit import Action, ActionLog, AuditLog, AuditWriter
from extauth.audit.chain import ChainEntry, Head, digest, link
from extauth.audit.retention import PURGE_ROWS
from extauth.audit.verification import export_chain, verify, verify_exported
from extauth.cli.audit import app
from extauth.errors import SluiceError, StackError
from extauth.stores import open_audit

from .conftest import _served
from .contract import DAY, NOW, Kept
from .contract import write as record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.audit.verification import Verified
    from extauth.settings import StoreSettings

    from .conftest import Made

pytestmark = pytest.mark.slow

GRANT = Action(
    time=NOW,
    credential="admin token",
    user="ada",
    kind="limits.grant",
    subject="tenant:acme",
    details={},
    before=[],
)
OLD_LAYOUT = """
CREATE TABLE records (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT NOT NULL,
  time REAL NOT NULL,
  tenant TEXT,
  outcome TEXT NOT NULL,
  record BLOB NOT NULL
);
CREATE INDEX records_request ON records (request_id);
CREATE INDEX records_time ON records (time);
PRAGMA user_version = 1
"""


async def write(log: AuditLog, made: Made, *names: str, time: float = NOW) -> None:
    """A gateway that handles some requests and stops, 30 days of retention later."""
    await record(log, [made(name, time=time) for name in names], lambda: time)


@pytest.fixture
async def log(kept: Kept, served: Made) -> AuditLog:
    """Five records, a completed action, and five more."""
    log = kept.log()
    await write(log, served, *"abcde")
    actions = ActionLog(log)
    actions.complete(actions.begin(GRANT), msgspec.structs.replace(GRANT, after=[]))
    await write(log, served, *"fghij")
    return log


def problems(found: Verified) -> list[tuple[int | None, str]]:
    return [(each.place, each.message) for each in found.problems]


def test_what_nobody_touched_is_valid(log: AuditLog) -> None:
    found = verify(log)

    assert (found.valid, found.records, found.actions, found.first) == (True, 10, 1, 0)
    assert found.head.startswith("12:")
    assert not found.problems


@pytest.mark.parametrize(
    ("statement", "place", "told"),
    [
        ("UPDATE records SET record = replace(record, '192.0.2.1', '192.0.2.7') "
         "WHERE number = 3", 3, "record 3 was changed"),
        ("UPDATE records SET salt = randomblob(16) WHERE number = 3", 3, "record 3 was changed"),
        ("UPDATE records SET tenant = 'globex' WHERE number = 3", 3, "filed under"),
        ("UPDATE records SET time = 0 WHERE number = 3", 3, "filed under"),
        ("UPDATE records SET request_id = 'x' WHERE number = 3", 3, "filed under"),
        ("UPDATE actions SET action = replace(action, 'ada', 'eve')", 7, "action 1 was changed"),
        ("DELETE FROM records WHERE number = 3", 3, "record 3 was removed"),
        ("DELETE FROM records WHERE number = 10", 12, "record 10 was removed"),
        ("DELETE FROM actions", 6, "action 1 was removed"),
        ("DELETE FROM chain WHERE place = 3", 4, "are missing"),
        ("UPDATE chain SET digest = randomblob(32) WHERE place = 3", 3, "does not follow"),
        ("UPDATE chain SET link = randomblob(32) WHERE place = 3", 3, "does not follow"),
        ("UPDATE chain SET number = 4 WHERE place = 3", 3, "does not follow"),
        ("UPDATE records SET place = 99 WHERE number = 3", None, "record 3 is not in the chain"),
        ("INSERT INTO records (number, request_id, time, outcome, record) "
         "VALUES (11, 'x', 0, 'served', '{}')",
         None, "record 11 is not in the chain"),
        ("UPDATE records SET number = number + 100 WHERE number = 3", None, "record 103"),
    ],
)  # fmt: skip
def test_what_somebody_did_shows(
    kept: Kept, log: AuditLog, statement: str, place: int | None, told: str
) -> None:
    kept.tamper(statement)

    found = verify(log)

    assert not found.valid
    assert [each for each in problems(found) if each[0] == place and told in each[1]], found


def test_an_entry_that_is_made_anew_does_not_fit_in(kept: Kept, log: AuditLog) -> None:
    """Whoever knows how entries are made has to make all of those behind it anew."""
    with kept.log().writing() as session:
        ((before,),) = session.rows("SELECT link FROM chain WHERE place = 2")
        ((made, salt),) = session.rows("SELECT record, salt FROM records WHERE number = 3")
        forged = made.replace(b"192.0.2.1", b"192.0.2.7")
        entry = ChainEntry("record", "written", 3, 0, digest(salt, forged))
        session.run("UPDATE records SET record = ? WHERE number = 3", forged)
        session.run(
            "UPDATE chain SET digest = ?, link = ? WHERE place = 3",
            entry.digest,
            link(before, 3, entry),
        )

    assert [place for place, _ in problems(verify(log))] == [4]


async def test_equal_records_have_nothing_in_common(kept: Kept, served: Made) -> None:
    """So nobody can tell by its digest what an erased one was."""
    await write(kept.log(), served, "a", "a", "a")

    rows = kept.rows("SELECT salt, digest FROM records JOIN chain ON chain.place = records.place")

    assert [len(salt) for salt, _ in rows] == [16] * 3
    assert len({salt for salt, _ in rows}) == len({digest for _, digest in rows}) == 3


@pytest.mark.parametrize(
    "statements",
    [
        ("DELETE FROM records WHERE number = 10", "DELETE FROM chain WHERE place = 12"),
        ("DELETE FROM records", "DELETE FROM actions", "DELETE FROM chain WHERE place > 0"),
        ("UPDATE chain SET link = randomblob(32) WHERE place = 12",),
    ],
)
def test_only_a_head_that_was_noted_tells_of_a_cut_or_new_end(
    kept: Kept, log: AuditLog, statements: tuple[str, ...]
) -> None:
    noted = Head.parse(verify(log).head)
    kept.tamper(*statements)

    assert not verify(log, noted).valid


async def test_a_log_that_goes_on_still_has_an_earlier_head(log: AuditLog, served: Made) -> None:
    noted = Head.parse(verify(log).head)
    await write(log, served, "k")

    assert verify(log, noted).valid
    assert not verify(log, Head(8, b"\0" * 32)).valid


async def test_retention_moves_the_anchor_and_the_chain_goes_on(
    log: AuditLog, served: Made
) -> None:
    """Actions stay, whatever their age."""
    early = verify(log)
    later = NOW + 31 * DAY
    await write(log, served, "new", time=later)
    await write(log, served, time=later)

    found = verify(log)

    assert (found.valid, found.records, found.actions, found.first) == (True, 1, 1, 12)
    told = verify(log, Head.parse(early.head))
    assert told.valid, "the anchor is the head that was noted"
    too_old = verify(log, Head(5, b"\0" * 32))
    assert [message for _, message in problems(too_old)] == [
        "the log does not reach back to this head any more"
    ]


async def test_what_is_newer_keeps_what_is_behind_it(kept: Kept, served: Made) -> None:
    """A long request is written down late: the chain has no holes in between."""
    log, later = kept.log(), NOW + 31 * DAY
    await write(log, served, "old")
    await write(log, served, "new", time=later)
    await write(log, served, "late", time=NOW)

    await write(log, served, time=later)

    found = verify(log)
    assert (found.valid, found.records, found.first) == (True, 2, 1)


async def test_numbers_are_never_given_twice(kept: Kept, served: Made) -> None:
    log, later = kept.log(), NOW + 31 * DAY
    await write(log, served, "a", "b")
    await write(log, served, time=later)
    await write(log, served, "c", time=later)

    assert kept.rows("SELECT number, request_id FROM records") == [(3, "c")]


async def test_retention_comes_to_an_end_with_many_actions(kept: Kept, served: Made) -> None:
    log, later = kept.log(), NOW + 31 * DAY
    await write(log, served, *(f"r{number}" for number in range(PURGE_ROWS)))
    actions = ActionLog(log)
    for _ in range(3):
        actions.begin(GRANT)
    await write(log, served, "last", time=NOW)
    for _ in range(3):
        await write(log, served, time=later)

    before = verify(log)
    await write(log, served, time=later)

    assert (before.valid, before.records, before.actions) == (True, 0, 3)
    assert verify(log).head == before.head, "with nothing to delete, nothing is moved"


async def test_an_earlier_layout_is_chained_as_it_is(tmp_path: Path, served: Made) -> None:
    path = tmp_path / "audit.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(OLD_LAYOUT)
        for name in "abc":
            connection.execute(
                "INSERT INTO records (request_id, time, tenant, outcome, record)"
                " VALUES (?, ?, 'acme', 'served', ?)",
                (name, NOW, msgspec.json.encode(served(name))),
            )
    kept = Kept(path)
    with pytest.raises(StackError, match=r"another version of sluice \(schema 1\)"):
        verify(kept.log())

    await write(kept.log(), served, "d")

    found = verify(kept.log())
    assert (found.valid, found.records) == (True, 4)
    ActionLog(kept.log()).begin(GRANT)
    kept.tamper("UPDATE records SET record = replace(record, 'one', 'two') WHERE number = 2")
    assert verify(kept.log()).actions == 1
    kept.close()


def _serve(store: StoreSettings, path: Path, name: str, go: Callable[[], object]) -> None:
    async def run() -> None:
        log = open_audit(store, path)
        writer = AuditWriter(log, retention=30 * DAY, clock=lambda: NOW)
        await writer.start()
        for number in range(300):
            await writer.record(_served(f"{name}{number}"))
            if number % 50 == 0:
                await writer.flush()
        await writer.close()
        log.close()

    go()
    asyncio.run(run())


def test_several_processes_write_one_chain(kept: Kept, log: AuditLog) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    workers = [
        context.Process(target=_serve, args=(kept.store, kept.path, name, barrier.wait))
        for name in ("x", "y", "z")
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    found = verify(log)
    assert (found.valid, found.records) == (True, 910)


async def test_flushed_means_written(kept: Kept, served: Made) -> None:
    writer = AuditWriter(kept.log(), retention=30 * DAY, clock=lambda: NOW)
    await writer.start()
    await writer.record(served("a"))
    await writer.flush()

    assert verify(kept.log()).records == 1
    await writer.close()


def test_who_receives_an_export_verifies_it_too(log: AuditLog, tmp_path: Path) -> None:
    file = tmp_path / "chain.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in export_chain(log)))

    assert verify_exported(file) == verify(log)

    file.write_bytes(file.read_bytes().replace(b"192.0.2.1", b"192.0.2.7", 1))
    assert not verify_exported(file).valid


def test_an_export_can_be_verified_without_sluice(log: AuditLog) -> None:
    """As docs/audit.md says how."""
    lines = [json.loads(line) for line in export_chain(log)]
    before = bytes.fromhex(lines[0]["link"])
    for line in lines[1:]:
        digest = bytes.fromhex(line["digest"])
        if line["content"] is not None:
            content = bytes.fromhex(line["salt"]) + line["content"].encode()
            assert hashlib.sha256(content).digest() == digest
        place = f"{line['place']} {line['of']} {line['event']} {line['number']} {line['action']}"
        before = hashlib.sha256(before + digest + place.encode()).digest()
        assert before.hex() == line["link"]


async def test_an_export_goes_on_where_the_last_one_ended(
    log: AuditLog, tmp_path: Path, served: Made
) -> None:
    noted = Head.parse(verify(log).head)
    await write(log, served, "k", "l")
    file = tmp_path / "more.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in export_chain(log, noted)))

    found = verify_exported(file, noted)

    assert (found.valid, found.records, found.first) == (True, 2, 12)
    assert found.head == verify(log).head
    with pytest.raises(StackError, match="has no head 12:"):
        list(export_chain(log, Head(12, b"\0" * 32)))


def run(state: Path, *arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments, "--state-dir", str(state)])
    if isinstance(result.exception, SluiceError):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.stdout


async def test_the_command_tells_people_scripts_and_the_shell(tmp_path: Path, served: Made) -> None:
    kept = Kept(tmp_path / "audit.db")
    await write(kept.log(), served, *"abcdefghij")
    ActionLog(kept.log()).begin(GRANT)
    head = verify(kept.log()).head

    assert run(tmp_path, "verify").splitlines() == [
        "ok: 10 records and 1 actions, 0 rewritten by erasures",
        f"head {head}",
    ]
    told = json.loads(run(tmp_path, "verify", "--json", "--head", head))
    assert (told["valid"], told["head"], told["problems"]) == (True, head, [])
    file = tmp_path / "chain.jsonl"
    run(tmp_path, "export", "--chain", "--output", str(file))
    assert run(tmp_path, "verify", str(file)) == run(tmp_path, "verify")

    kept.tamper("DELETE FROM records WHERE number = 3")

    assert "place 3: record 3 was removed" in run(tmp_path, "verify", status=1)
    assert not json.loads(run(tmp_path, "verify", "--json", status=1))["valid"]
    run(tmp_path, "verify", "--head", "nonsense", status=2)
    run(tmp_path, "export", "--chain", "--tenant", "acme", status=2)
    run(tmp_path, "export", "--after", head, status=2)
    kept.close()

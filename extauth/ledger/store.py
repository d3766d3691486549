"""The ledger's SQLite file: counters and sums, into which the journal is folded.

One process owns the file and its journal, by a lock beside them; other processes may read. Written
data survives the death of the process. A loss of power may take the last moments, and no more.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from extauth.errors import StackError
from extauth.ledger.book import Book
from extauth.ledger.entry import Opened, decode, encode
from extauth.ledger.files import own, require
from extauth.ledger.journal import files_after, journal_of
from extauth.ledger.ledger import Counter
from extauth.ledger.lines import Lines, UsageLine, Used
from extauth.observability.clock import TOLERANCE
from extauth.storage.sqlite import checkpoint, connect, connect_read_only, transaction
from extauth.types import Account

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from extauth.ledger.threshold import Threshold
    from extauth.types.pseudonyms import Pseudonyms

VERSION = 3
_SCHEMA = """
CREATE TABLE opened (
  id TEXT PRIMARY KEY,
  entry TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE counters (
  counter TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  idle REAL
) WITHOUT ROWID;
CREATE INDEX counters_idle ON counters (idle);
CREATE TABLE told (
  threshold TEXT PRIMARY KEY,
  until REAL
) WITHOUT ROWID;
CREATE TABLE usage (
  day TEXT NOT NULL,
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  team TEXT NOT NULL,
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  requests INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  milliseconds INTEGER NOT NULL,
  unsettled INTEGER NOT NULL,
  PRIMARY KEY (day, tenant, principal, team, model, version)
) WITHOUT ROWID;
CREATE TABLE folded (
  id INTEGER PRIMARY KEY CHECK (id = 0),
  journal INTEGER NOT NULL,
  now REAL NOT NULL,
  ahead REAL NOT NULL
)
"""
# One statement for each table, its rows as JSON: each statement releases the GIL, and has to wait
# for it afterwards.
_PUT_COUNTERS = """
INSERT OR REPLACE INTO counters (counter, state, idle)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]')
FROM json_each(?)
"""
_PUT_TOLD = """
INSERT OR REPLACE INTO told (threshold, until)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
"""
_PUT_OPENED = """
INSERT OR REPLACE INTO opened (id, entry)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
"""
_ADDING = """ON CONFLICT DO UPDATE SET
  requests = requests + excluded.requests,
  prompt_tokens = prompt_tokens + excluded.prompt_tokens,
  completion_tokens = completion_tokens + excluded.completion_tokens,
  cost = cost + excluded.cost,
  milliseconds = milliseconds + excluded.milliseconds,
  unsettled = unsettled + excluded.unsettled
"""
_ADD_USAGE = (
    """
INSERT INTO usage
  (day, tenant, principal, team, model, version,
   requests, prompt_tokens, completion_tokens, cost, milliseconds, unsettled)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]'),
       json_extract(value, '$[9]'), json_extract(value, '$[10]'), json_extract(value, '$[11]')
FROM json_each(?) WHERE true
"""
    + _ADDING
)
_RENAMED = (
    (
        "SELECT counter FROM counters",
        "UPDATE OR IGNORE counters SET counter = ? WHERE counter = ?",
        "DELETE FROM counters WHERE counter = ?",
    ),
    (
        "SELECT threshold FROM told",
        "UPDATE OR IGNORE told SET threshold = ? WHERE threshold = ?",
        "DELETE FROM told WHERE threshold = ?",
    ),
)
_ADD_RENAMED = (
    """
INSERT INTO usage
SELECT day, tenant, ?, team, model, version,
  requests, prompt_tokens, completion_tokens, cost, milliseconds, unsettled
FROM usage WHERE principal = ?
"""
    + _ADDING
)
_ALL = """
SELECT day, tenant, principal, team, model, version,
  requests, prompt_tokens, completion_tokens, cost, milliseconds, unsettled
FROM usage WHERE day >= ?
"""
# One look-up for each day, rather than a scan over the lines of all principals.
_OWN = """
WITH RECURSIVE days (day) AS (
  SELECT min(day) FROM usage WHERE day >= ?
  UNION ALL
  SELECT (SELECT min(day) FROM usage WHERE usage.day > days.day) FROM days WHERE day IS NOT NULL
)
SELECT usage.day, tenant, principal, team, model, version,
  requests, prompt_tokens, completion_tokens, cost, milliseconds, unsettled
FROM days CROSS JOIN usage ON usage.day = days.day AND tenant = ? AND principal = ?
"""
_counter = msgspec.json.Decoder(Counter).decode
_state = msgspec.json.Decoder(list[float]).decode
_threshold = msgspec.json.Decoder(tuple[Counter, str, int]).decode
_text = msgspec.json.encode


class Position(NamedTuple):
    """The state of the book after the last entry of journal file `number`, at its time `now`."""

    number: int
    now: float
    counters: Sequence[tuple[Counter, Sequence[float], float]]
    told: Sequence[tuple[Threshold, float]]


class Recovered(NamedTuple):
    """The end of a recovery.

    `lines` have no sums, and file `number` of the journal is in the sums now. `step` is by how many
    seconds the wall clock was set back meanwhile, as a negative number, or 0.
    """

    lines: Lines
    number: int
    step: float


class LedgerStore:
    """Owner of the SQLite file. For one thread at a time. Methods raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        """Open `path` and take its lock.

        Raises StackError when another process has it, or there is a journal and no file.
        """
        self._lock = own(path)
        try:
            require(path)
            self._connection = connect(
                path, _SCHEMA, synchronous="FULL", version=VERSION, upgrade=_upgrade
            )
        except StackError:
            os.close(self._lock)
            raise
        self._path = path
        self._stored: dict[str, Opened] = {}
        self.renamed = 0
        """Rows renamed since the file was opened."""

    def close(self) -> None:
        """Close the file and release the lock."""
        self._connection.close()
        os.close(self._lock)

    def recover(self, book: Book, now: float) -> Recovered:
        """Fill an empty book from the file and the journal of a former process.

        Reservations that it left open are ended at `now` with the usage known of them. Where the
        files are from a time after `now`, the wall clock was set back meanwhile: the book goes on
        from there.
        """
        number, last, ahead = folded(self._connection)
        book.resume(last, ahead)
        for counter, state in self._connection.execute("SELECT counter, state FROM counters"):
            book.load(_counter(counter), _state(state))
        for threshold, until in self._connection.execute("SELECT threshold, until FROM told"):
            book.thresholds.load(_threshold(threshold), float("inf") if until is None else until)
        opened = _opened(self._connection, self._path)
        for reserved in opened:
            book.hold(reserved)
        self._stored = {reserved.id: reserved for reserved in opened}
        lines = Lines(opened, ahead=ahead)
        for file, entries in files_after(journal_of(self._path), number):
            for entry in entries:
                book.apply(entry)
                lines.apply(entry)
            number = file
        step = min(0.0, now - book.wall)
        if step < -TOLERANCE:
            lines.apply(book.step(step, now))
        for lost in book.lose(now):
            lines.apply(lost)
        told = tuple(book.thresholds.changes().items())
        self.fold(lines, Position(number, book.advance(now), book.changes(), told))
        return Recovered(lines, number, step if step < -TOLERANCE else 0.0)

    def fold(self, lines: Lines, position: Position) -> None:
        """Write the book's position and the lines' sums in one commit, and clear the lines."""
        run = self._connection.execute
        opened = {entry.id: entry for entry in lines.remember()}
        counters = [
            (_text(counter).decode(), _text(state).decode(), idle if idle < 1e18 else None)
            for counter, state, idle in position.counters
        ]
        told = [
            (_text(threshold).decode(), until if until < 1e18 else None)
            for threshold, until in position.told
        ]
        usage = [
            (
                line.day,
                *_columns(line.account),
                used.requests,
                used.prompt_tokens,
                used.completion_tokens,
                used.cost,
                used.milliseconds,
                used.unsettled,
            )
            for line, used in lines.used.items()
        ]
        ended = [key for key in self._stored if key not in opened]
        begun = [
            (key, encode(entry).decode())
            for key, entry in opened.items()
            if self._stored.get(key) != entry
        ]
        with transaction(self._connection):
            run(_PUT_COUNTERS, (_text(counters).decode(),))
            run("DELETE FROM counters WHERE idle <= ?", (position.now,))
            run(_PUT_TOLD, (_text(told).decode(),))
            run("DELETE FROM told WHERE until <= ?", (position.now,))
            run(_ADD_USAGE, (_text(usage).decode(),))
            run(
                "DELETE FROM opened WHERE id IN (SELECT value FROM json_each(?))",
                (_text(ended).decode(),),
            )
            run(_PUT_OPENED, (_text(begun).decode(),))
            run(
                "INSERT OR REPLACE INTO folded (id, journal, now, ahead) VALUES (0, ?, ?, ?)",
                (position.number, position.now, lines.ahead),
            )
            for pseudonyms in lines.renamed:
                self._rename(pseudonyms)
        self._stored = opened
        lines.clear()

    def checkpoint(self) -> bool:
        """Remove deleted data from the file and its WAL; return whether that succeeded."""
        return checkpoint(self._connection)

    def _rename(self, pseudonyms: Pseudonyms) -> None:
        """Rename rows. A state under the new name is newer and stays; usage is added up."""
        run = self._connection.execute
        for read, change, delete in _RENAMED:
            for (text,) in run(read).fetchall():
                new = _text(pseudonyms.deeply(msgspec.json.decode(text))).decode()
                if new != text:
                    self.renamed += 1
                    run(change, (new, text))
                    run(delete, (text,))
        for old, new in pseudonyms.names.items():
            self.renamed += run(_ADD_RENAMED, (new, old)).rowcount
            run("DELETE FROM usage WHERE principal = ?", (old,))


def report_lines(
    path: Path, *, principal: str | None = None, since: str = ""
) -> list[tuple[UsageLine, Used]]:
    """Return lines of the usage report, also while a gateway writes; a line may occur twice.

    All of them, or those of a principal, or those from a UTC day such as `2026-08-31` on. Includes
    every settlement that has returned. Blocks. Raises StackError when the ledger does not exist,
    can't be read, or is damaged.
    """
    require(path)
    connection = connect_read_only(path, version=VERSION)
    try:
        while True:
            connection.execute("BEGIN")
            before = folded(connection)
            found = list(_lines(connection, principal, since))
            rest = Lines(_opened(connection, path), ahead=before[2])
            for _, entries in files_after(journal_of(path), before[0]):
                for entry in entries:
                    rest.apply(entry)
            connection.execute("COMMIT")
            # A journal file that was folded meanwhile may be missing from both: read again.
            if folded(connection) == before:
                return [*found, *_chosen(rest, principal, since)]
    except sqlite3.Error as error:
        raise StackError(f"{path}: can't be read: {error}") from None
    finally:
        connection.close()


def _chosen(lines: Lines, principal: str | None, since: str) -> Iterator[tuple[UsageLine, Used]]:
    for line, used in lines.used.items():
        if line.day >= since and principal in {None, line.account.principal}:
            yield line, used


def folded(connection: sqlite3.Connection) -> tuple[int, float, float]:
    """Return the number of the last journal file in the sums, and the time of its last entry.

    The time is the ledger's own; the third number is what the wall clock was ahead of it.
    """
    row = connection.execute("SELECT journal, now, ahead FROM folded").fetchone()
    return row or (0, 0.0, 0.0)


def _upgrade(connection: sqlite3.Connection) -> None:
    """Until version 2, the ledger's time was the wall clock's."""
    connection.execute("ALTER TABLE folded ADD COLUMN ahead REAL NOT NULL DEFAULT 0")


def _opened(connection: sqlite3.Connection, path: Path) -> list[Opened]:
    try:
        entries = [decode(entry) for (entry,) in connection.execute("SELECT entry FROM opened")]
    except msgspec.MsgspecError as error:
        raise StackError(f"{path}: is damaged: {error}") from None
    return [entry for entry in entries if isinstance(entry, Opened)]


def _lines(
    connection: sqlite3.Connection, principal: str | None, since: str
) -> Iterator[tuple[UsageLine, Used]]:
    if principal is None:
        rows = connection.execute(_ALL, (since,))
    else:
        # A principal's id begins with its tenant.
        tenant = principal.partition("/")[0]
        rows = connection.execute(_OWN, (since, tenant, principal))
    for day, tenant, who, team, model, version, *sums in rows:
        used = Used()
        (
            used.requests,
            used.prompt_tokens,
            used.completion_tokens,
            used.cost,
            used.milliseconds,
            used.unsettled,
        ) = sums
        yield UsageLine(day, Account(tenant, who, model, version, team)), used


def _columns(account: Account) -> tuple[str, ...]:
    return account.tenant, account.principal, account.team, account.model, account.version

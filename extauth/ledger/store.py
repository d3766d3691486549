"""The ledger's SQLite file: the sums that the journal beside it folds into.

One process owns both, held by a lock beside them; others may read. What was written survives the
death of the process. A loss of power may take the last moments with it, never the rest.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import StackError
from extauth.ledger.fold import (
    Bucket,
    Fold,
    Line,
    Lost,
    Reserved,
    Scope,
    decode,
    encode,
)
from extauth.ledger.journal import files_after, journal_of
from extauth.ledger.window import leaves
from extauth.sqlite import connect, transaction
from extauth.types import Account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMA = """
CREATE TABLE opened (
  id TEXT PRIMARY KEY,
  entry TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE buckets (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  seconds INTEGER NOT NULL,
  number INTEGER NOT NULL,
  leaves REAL NOT NULL,
  requests INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  PRIMARY KEY (kind, key, seconds, number)
) WITHOUT ROWID;
CREATE INDEX buckets_leave ON buckets (leaves);
CREATE TABLE usage (
  day TEXT NOT NULL,
  tenant TEXT NOT NULL,
  principal TEXT NOT NULL,
  model TEXT NOT NULL,
  version TEXT NOT NULL,
  requests INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  unsettled INTEGER NOT NULL,
  PRIMARY KEY (day, tenant, principal, model, version)
) WITHOUT ROWID;
CREATE TABLE folded (
  id INTEGER PRIMARY KEY CHECK (id = 0),
  journal INTEGER NOT NULL,
  now REAL NOT NULL
)
"""
# One statement a table, its rows as JSON: each statement lets the event loop run, and has to wait
# for it afterwards.
_ADD_BUCKETS = """
INSERT INTO buckets (kind, key, seconds, number, leaves, requests, tokens)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]')
FROM json_each(?) WHERE true
ON CONFLICT DO UPDATE SET
  requests = requests + excluded.requests,
  tokens = tokens + excluded.tokens
"""
_ADD_USAGE = """
INSERT INTO usage
  (day, tenant, principal, model, version,
   requests, prompt_tokens, completion_tokens, unsettled)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]')
FROM json_each(?) WHERE true
ON CONFLICT DO UPDATE SET
  requests = requests + excluded.requests,
  prompt_tokens = prompt_tokens + excluded.prompt_tokens,
  completion_tokens = completion_tokens + excluded.completion_tokens,
  unsettled = unsettled + excluded.unsettled
"""
_ADD_OPENED = """
INSERT INTO opened (id, entry)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
"""
_DELETE_OPENED = "DELETE FROM opened WHERE id IN (SELECT value FROM json_each(?))"


class Store:
    """Owns the file. For one thread at a time; methods raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        """Open `path` and take its lock. Raises StackError when another process has it."""
        self._lock = _own(path)
        try:
            self._connection = connect(path, _SCHEMA, synchronous="FULL")
        except StackError:
            os.close(self._lock)
            raise
        self._path = path
        self._stored: set[str] = set()

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._connection.close()
        os.close(self._lock)

    def recover(self, now: float) -> tuple[Fold, int]:
        """Bring the sums up to date with what a former process left, which may have been killed.

        What it had reserved and not settled counts in full, from `now`. The fold that is returned
        is empty; its time is the latest one known. The number is that of the last journal file
        that is in the sums now.
        """
        self._stored = {key for (key,) in self._connection.execute("SELECT id FROM opened")}
        fold, number = read(self._connection, self._path)
        for key in tuple(fold.opened):
            fold.apply(Lost(key, max(now, fold.now)))
        self.fold(fold, number)
        return fold, number

    def buckets(self) -> Iterator[tuple[Bucket, int, int]]:
        """Every bucket that counts, with its requests and tokens, in ascending order."""
        for kind, key, seconds, number, requests, tokens in self._connection.execute(
            "SELECT kind, key, seconds, number, requests, tokens FROM buckets ORDER BY number"
        ):
            yield Bucket(Scope(kind, key), seconds, number), requests, tokens

    def fold(self, fold: Fold, number: int) -> None:
        """Add sums up in one commit: those of the journal's files up to this one."""
        run = self._connection.execute
        opened = fold.opened.keys()
        buckets = [
            (*scope, seconds, number, leaves(number, seconds), sums.requests, sums.tokens)
            for (scope, seconds, number), sums in fold.buckets.items()
        ]
        usage = [
            (
                day,
                account.tenant,
                account.principal,
                account.model,
                account.version,
                used.requests,
                used.prompt_tokens,
                used.completion_tokens,
                used.unsettled,
            )
            for (day, account), used in fold.lines.items()
        ]
        ended = list(self._stored - opened)
        begun = [(key, encode(fold.opened[key]).decode()) for key in opened - self._stored]
        with transaction(self._connection):
            run(_ADD_BUCKETS, (encode(buckets).decode(),))
            run("DELETE FROM buckets WHERE leaves <= ?", (fold.now,))
            run(_ADD_USAGE, (encode(usage).decode(),))
            run(_DELETE_OPENED, (encode(ended).decode(),))
            run(_ADD_OPENED, (encode(begun).decode(),))
            run(
                "INSERT OR REPLACE INTO folded (id, journal, now) VALUES (0, ?, ?)",
                (number, fold.now),
            )
        self._stored = set(opened)
        fold.clear()


def read(connection: sqlite3.Connection, path: Path) -> tuple[Fold, int]:
    """What is in the journal and not yet in the sums, and its last file's number.

    Raises StackError for a damaged file.
    """
    number, now = folded(connection)
    try:
        opened = [decode(entry) for (entry,) in connection.execute("SELECT entry FROM opened")]
    except msgspec.MsgspecError as error:
        raise StackError(f"{path}: is damaged: {error}") from None
    fold = Fold((entry for entry in opened if isinstance(entry, Reserved)), now)
    for file, entries in files_after(journal_of(path), number):
        for entry in entries:
            fold.apply(entry)
        number = file
    return fold, number


def folded(connection: sqlite3.Connection) -> tuple[int, float]:
    """The number of the last journal file in the sums, and the time of its last entry."""
    row = connection.execute("SELECT journal, now FROM folded").fetchone()
    return row or (0, 0.0)


def lines(connection: sqlite3.Connection) -> Iterator[tuple[Line, tuple[int, int, int, int]]]:
    """The usage report's lines, with requests, prompt and completion tokens, and unsettled."""
    for day, tenant, principal, model, version, *used in connection.execute(
        "SELECT day, tenant, principal, model, version,"
        " requests, prompt_tokens, completion_tokens, unsettled FROM usage"
    ):
        requests, prompt, completion, unsettled = used
        account = Account(tenant, principal, model, version)
        yield Line(day, account), (requests, prompt, completion, unsettled)


def _own(path: Path) -> int:
    lock = path.with_suffix(".lock")
    try:
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StackError(f"{lock}: can't be opened: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StackError(
            f"{path}: another process keeps this ledger; stop it, or use another state directory"
        ) from None
    return descriptor

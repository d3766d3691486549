"""The thread that writes audit records: many a commit, and no disk on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from extauth.audit.chain import RECORD, SALT, WRITTEN, Entry, append, digest, salts
from extauth.audit.layout import open_log
from extauth.audit.retention import purge
from extauth.errors import StackError
from extauth.storage.sqlite import transaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.audit.record import AuditRecord
    from extauth.types import Clock

    Waiter = asyncio.Future[None]
    Row = tuple[str, float, str | None, str, bytes]

# Records gather for so long, so that a commit is shared.
LINGER = 0.25
RETRY_SECONDS = 1.0
PURGE_SECONDS = 60.0
MAX_WAITING = 8192

# One statement for all rows: each statement lets the event loop run, and waits for it afterwards.
# What is long is passed as it is, and cut here.
_INSERT = """
INSERT INTO records (number, place, salt, request_id, time, tenant, outcome, record)
SELECT ?1 + key, ?2 + key, substr(?3, key * 16 + 1, 16), json_extract(value, '$[0]'),
       json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'),
       substr(?4, json_extract(value, '$[4]') + 1, json_extract(value, '$[5]'))
FROM json_each(?5)
"""
_NEWEST = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'records'), 0)"
_encode = msgspec.json.Encoder().encode


class AuditWriter:
    """Writes records in the order in which they come. For tasks of one event loop.

    Records are on disk within some 250 ms, and all of them when `close` returns; a process that is
    killed loses those moments. While the disk refuses, `failure` says why, records wait, and it
    is tried again every second; with too many waiting, `record` waits too.
    """

    def __init__(self, path: Path, *, retention: float, clock: Clock = time.time) -> None:
        """`path` is the SQLite file. Records older than `retention` seconds are deleted."""
        self.failure: str | None = None
        self._path = path
        self._retention = retention
        self._clock = clock
        self._queue: deque[Row] = deque()
        self._batch: list[Row] = []
        self._waiters: list[Waiter] = []
        self._flushers: list[Waiter] = []
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._woken = False
        self._closing = False
        self._dead = False
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Open the file and start the thread. Raises StackError when it can't be opened."""
        self._connection = open_log(self._path, synchronous="NORMAL")
        self._loop = asyncio.get_running_loop()
        self._done: Waiter = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    async def record(self, record: AuditRecord) -> None:
        """Have a record written. Waits only while too many others do.

        Raises StackError when nobody writes any more.
        """
        while not self._dead and len(self._queue) >= MAX_WAITING:
            waiter = self._loop.create_future()
            self._waiters.append(waiter)
            self._wake.put(None)
            await waiter
        if self._dead:
            raise StackError(f"the audit log is closed: {self.failure or 'the gateway stops'}")
        # Encoding here costs the same as in the thread, and a record that can't be is the caller's.
        tenant = record.principal.tenant if record.principal else None
        self._queue.append(
            (record.request_id, record.time, tenant, record.outcome, _encode(record))
        )
        if not self._woken:
            self._woken = True
            self._wake.put(None)

    async def flush(self) -> None:
        """Wait until everything that was recorded before is on disk. Raises StackError."""
        flusher = self._loop.create_future()
        self._flushers.append(flusher)
        # The second cuts the wait for more records short.
        self._wake.put(None)
        self._wake.put(None)
        await flusher
        if self.failure is not None:
            raise StackError(self.failure)

    async def close(self) -> None:
        """Write everything that was recorded, and end the thread.

        Raises StackError when the disk refuses to the end.
        """
        if self._thread is None or self._closing:
            return
        self._closing = True
        self._wake.put(None)
        await asyncio.shield(self._done)
        self._thread.join()
        self._connection.close()
        if self.failure is not None:
            lost = len(self._batch) + len(self._queue)
            raise StackError(f"{lost} audit records are lost: {self.failure}")

    def _run(self) -> None:
        due = 0.0
        try:
            closing = False
            while not closing:
                self._sleep()
                closing = self._closing
                # Before the queue is emptied: what comes later wakes the thread again.
                self._woken = False
                flushers, self._flushers = self._flushers, []
                while self._queue:
                    self._batch.append(self._queue.popleft())
                self._call(self._admit)
                try:
                    self._write()
                    if time.monotonic() >= due:
                        due = time.monotonic() + (0 if self._purge() else PURGE_SECONDS)
                except sqlite3.Error as error:
                    self.failure = f"the audit log can't be written: {error}"
                self._call(partial(_release, flushers))
        except BaseException as error:
            self.failure = f"the writer has died: {type(error).__name__}"
            raise
        finally:
            self._dead = True
            self._call(self._admit)
            self._call(self._ended)

    def _sleep(self) -> None:
        """Until there is something to do, and then until it is worth a commit."""
        with contextlib.suppress(queue.Empty):
            self._wake.get(timeout=RETRY_SECONDS if self._batch else PURGE_SECONDS)
            if not self._closing:
                # Cut short by a task that waits, or by the end.
                self._wake.get(timeout=LINGER)

    def _write(self) -> None:
        if self._batch:
            with transaction(self._connection):
                self._insert(self._batch)
            self._batch = []
        self.failure = None

    def _insert(self, rows: list[Row]) -> None:
        """Write records, and chain them: other processes do the same to the file."""
        ((newest,),) = self._connection.execute(_NEWEST)
        made = salts(len(rows))
        heads: list[tuple[object, ...]] = []
        entries: list[Entry] = []
        at = 0
        for number, (*columns, record) in enumerate(rows, 1):
            salt = made[(number - 1) * SALT : number * SALT]
            entries.append(Entry(RECORD, WRITTEN, newest + number, 0, digest(salt, record)))
            heads.append((*columns, at, len(record)))
            at += len(record)
        first = append(self._connection, entries).place - len(rows) + 1
        records = b"".join([row[4] for row in rows])
        self._connection.execute(
            _INSERT, (newest + 1, first, made, records, _encode(heads).decode())
        )

    def _purge(self) -> bool:
        """Delete some of what is too old; whether there may be more."""
        return purge(self._connection, self._clock() - self._retention)

    def _admit(self) -> None:
        waiters, self._waiters = self._waiters, []
        _release(waiters)

    def _ended(self) -> None:
        _release([*self._flushers, self._done])

    def _call(self, function: Callable[[], None]) -> None:
        # A loop that is closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)


def _release(waiters: list[Waiter]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)

"""The thread that writes audit records: many a commit, and no disk on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from extauth.audit.chain import RECORD, SALT, WRITTEN, ChainEntry, append, digest, salts
from extauth.audit.retention import purge
from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.audit.log import AuditLog
    from extauth.audit.record import AuditRecord
    from extauth.storage.database import Session
    from extauth.types import Clock

    Waiter = asyncio.Future[None]
    Row = tuple[str, float, str | None, str, bytes]

# Records gather for so long, so that a commit is shared.
LINGER = 0.25
RETRY_SECONDS = 1.0
PURGE_SECONDS = 60.0
MAX_WAITING = 8192

# Beyond it a thread that writes does not come back in time.
LONGEST = 15.0

_COLUMNS = ("number", "place", "salt", "request_id", "time", "tenant", "outcome", "record")
_HAS = "SELECT EXISTS (SELECT 1 FROM chain WHERE place = ? AND digest = ?)"
_encode = msgspec.json.Encoder().encode


class Tried(NamedTuple):
    """The place of a batch's first record, and its digest, which no other record has."""

    place: int
    digest: bytes


class AuditWriter:
    """Writes records in the order in which they come. For tasks of one event loop.

    Records are in the log within some 250 ms, and all of them when `close` returns; a process that
    is killed loses those moments. While the log refuses, `failure` says why, records wait, and it
    is tried again every second; with `2 * MAX_WAITING` of them, `record` waits too. Each gets into
    the log once, also where a commit's answer was lost.
    """

    def __init__(self, log: AuditLog, *, retention: float, clock: Clock) -> None:
        """`log` outlives it. Records older than `retention` seconds are deleted."""
        self._log = log
        self._failure: str | None = None
        self._begun: float | None = None
        self._tried: Tried | None = None
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

    @property
    def failure(self) -> str | None:
        """The reason why nothing gets into the log at the moment, None while it does."""
        begun = self._begun
        if begun is not None and time.monotonic() > begun + LONGEST:
            return f"{self._log.name}: does not answer"
        return self._failure

    async def start(self) -> None:
        """Open the log and start the thread. Raises StackError when it can't be opened."""
        await asyncio.to_thread(self._log.open)
        self._loop = asyncio.get_running_loop()
        self._done: Waiter = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    async def record(self, record: AuditRecord) -> None:
        """Have a record written. Waits only while too many others do.

        A caller that is cancelled while it waits leaves its record all the same. Raises StackError
        when nobody writes any more.
        """
        try:
            while not self._dead and len(self._queue) >= MAX_WAITING:
                waiter = self._loop.create_future()
                self._waiters.append(waiter)
                self._wake.put(None)
                await waiter
        except asyncio.CancelledError:
            if not self._dead:
                self._add(record)
            raise
        self._add(record)

    def _add(self, record: AuditRecord) -> None:
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
        """Wait until everything that was recorded before is in the log. Raises StackError."""
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

        Raises StackError when the log refuses to the end.
        """
        if self._thread is None or self._closing:
            return
        self._closing = True
        self._wake.put(None)
        await asyncio.shield(self._done)
        self._thread.join()
        if lost := len(self._batch) + len(self._queue):
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
                try:
                    self._write()
                    if time.monotonic() >= due:
                        due = time.monotonic() + (0 if self._purge() else PURGE_SECONDS)
                except StackError as error:
                    self._failure = f"the audit log can't be written: {error.message}"
                finally:
                    self._begun = None
                self._call(partial(_release, flushers))
        except BaseException as error:
            self._failure = f"the writer has died: {type(error).__name__}"
            raise
        finally:
            self._dead = True
            self._call(self._admit)
            self._call(self._ended)

    def _sleep(self) -> None:
        """Until there is something to do, and then until it is worth a commit."""
        until = time.monotonic() + (PURGE_SECONDS if self._failure is None else RETRY_SECONDS)
        with contextlib.suppress(queue.Empty):
            self._wake.get(timeout=until - time.monotonic())
            # Those who wait call again and again, and it would be no use to listen.
            while self._failure and not self._closing and (left := until - time.monotonic()) > 0:
                self._wake.get(timeout=left)
            if not self._closing:
                # Cut short by a task that waits, or by the end.
                self._wake.get(timeout=LINGER)

    def _write(self) -> None:
        """Write everything that waits. Raises StackError; the batch then goes first next time."""
        # What comes meanwhile is the next call's, so that those who flush need not wait for it.
        waiting = len(self._batch) + len(self._queue)
        while waiting > 0 and self._fill():
            self._begun = time.monotonic()
            with self._log.writing() as session:
                # The answer to a commit may be lost, and the commit not.
                if self._tried is None or not session.rows(_HAS, *self._tried)[0][0]:
                    self._insert(session, self._batch)
            waiting -= len(self._batch)
            self._tried = None
            self._batch = []
        self._failure = None

    def _fill(self) -> bool:
        """Take the next batch, unless one is there that has been tried; tell whether there is."""
        if not self._batch:
            while self._queue and len(self._batch) < MAX_WAITING:
                self._batch.append(self._queue.popleft())
        if len(self._queue) < MAX_WAITING:
            self._call(self._admit)
        return bool(self._batch)

    def _insert(self, session: Session, rows: list[Row]) -> None:
        """Write records, and chain them: other processes do the same to the log."""
        newest = self._log.number(session, RECORD, len(rows))
        made = salts(len(rows))
        cut = [made[at : at + SALT] for at in range(0, len(made), SALT)]
        entries = [
            ChainEntry(RECORD, WRITTEN, number, 0, digest(salt, row[4]))
            for number, (salt, row) in enumerate(zip(cut, rows, strict=True), newest)
        ]
        first = append(session, entries).place - len(rows) + 1
        self._tried = Tried(first, entries[0].digest)
        session.insert(
            "records",
            _COLUMNS,
            [
                (newest + at, first + at, salt, *row)
                for at, (salt, row) in enumerate(zip(cut, rows, strict=True))
            ],
        )

    def _purge(self) -> bool:
        """Delete some of what is too old; tell whether there may be more."""
        return purge(self._log, self._clock() - self._retention)

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

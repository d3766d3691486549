"""The thread that writes the journal: group commit, and no disk on the event loop.

Entries that wait are written in one commit. While one runs, the next ones gather, so that a slow
disk means larger commits and not a longer queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections import deque
from typing import TYPE_CHECKING

from extauth.errors import LedgerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.ledger.journal import Entry, Fold
    from extauth.ledger.store import Store

    Waiter = asyncio.Future[None]

# How long an entry that nobody waits for may stay in memory only.
LINGER = 0.01
# Commits stay short: a fold after so many entries, or when nothing has happened for a second.
FOLD_ENTRIES = 256
FOLD_SECONDS = 1.0
RETRY_SECONDS = 1.0
MAX_WAITING = 4096


class Writer:
    """Writes entries in the order in which they come. For tasks of one event loop.

    `failure` is set while the disk refuses: every waiting task is told at once, what is queued
    stays queued, and it is tried again every second.
    """

    def __init__(self, store: Store, fold: Fold) -> None:
        """Start the thread. `fold` holds what of the journal is not yet in the sums."""
        self.failure: str | None = None
        self._store = store
        self._fold = fold
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[Entry | None, Waiter | None]] = deque()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._woken = False
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._dead = False
        self._batch: list[Entry] = []
        self._unfolded = 0
        self._done: Waiter = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether new work has to wait: the disk is slower than the requests."""
        return len(self._queue) >= MAX_WAITING

    def put(self, entry: Entry) -> None:
        """Write an entry with the next commit, or soon."""
        self._queue.append((entry, None))
        if self._timer is None:
            self._timer = self._loop.call_later(LINGER, self._wake_up)

    def commit(self, entry: Entry | None = None) -> Waiter:
        """Write an entry now; the future is done when it is on disk, with all before it.

        It ends in LedgerUnavailable when the disk refuses. The entry stays queued all the same.
        """
        waiter = self._loop.create_future()
        self._queue.append((entry, waiter))
        # After the append: a thread that dies now has either seen the entry or is seen dead.
        if self._dead:
            raise LedgerUnavailable(self.failure or "")
        self._wake_up()
        return waiter

    async def close(self) -> None:
        """Write what is queued, fold it, and end the thread. Raises LedgerUnavailable if not."""
        self._closing = True
        self._wake.put(None)
        await asyncio.shield(self._done)
        self._thread.join()
        if self.failure is not None:
            raise LedgerUnavailable(self.failure)

    def _wake_up(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._woken:
            self._woken = True
            self._wake.put(None)

    def _run(self) -> None:
        try:
            closing = False
            while not closing:
                idle = self._sleep()
                closing = self._closing
                # Before the queue is emptied: what comes later wakes the thread again.
                self._woken = False
                written = self._write(self._take())
                for entry in written:
                    self._fold.apply(entry)
                self._unfolded += len(written)
                if idle or closing or self._unfolded >= FOLD_ENTRIES:
                    self._put_away()
        except BaseException as error:
            # Whatever it was, nothing may be let through without a writer.
            self.failure = f"The ledger's writer has died: {type(error).__name__}."
            raise
        finally:
            self._dead = True
            self._tell(self._take())
            self._call(self._ended)

    def _sleep(self) -> bool:
        """Wait for work. True when there was none for a while and something is left to do."""
        timeout = RETRY_SECONDS if self._batch else FOLD_SECONDS if self._unfolded else None
        try:
            self._wake.get(timeout=timeout)
        except queue.Empty:
            return True
        return False

    def _take(self) -> list[Waiter]:
        """Move everything queued into the batch; those who wait for it."""
        waiters = []
        while self._queue:
            entry, waiter = self._queue.popleft()
            if entry is not None:
                self._batch.append(entry)
            if waiter is not None:
                waiters.append(waiter)
        return waiters

    def _write(self, waiters: list[Waiter]) -> list[Entry]:
        """Commit the batch and tell those who wait; what was written, nothing when it failed."""
        written: list[Entry] = []
        try:
            if self._batch:
                self._store.append(self._batch)
        except sqlite3.Error as error:
            self.failure = f"The ledger can't be written: {error}."
        else:
            self.failure = None
            written, self._batch = self._batch, []
        self._tell(waiters)
        return written

    def _put_away(self) -> None:
        if self._unfolded:
            # When it fails the journal still has everything, and the next time folds more.
            with contextlib.suppress(sqlite3.Error):
                self._store.fold(self._fold)
                self._unfolded = 0

    def _tell(self, waiters: list[Waiter]) -> None:
        if waiters:
            self._call(_resolve, waiters, self.failure)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        # A loop that is closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

    def _ended(self) -> None:
        if not self._done.done():
            self._done.set_result(None)


def _resolve(waiters: list[Waiter], failure: str | None) -> None:
    for waiter in waiters:
        if waiter.done():
            continue
        if failure is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(LedgerUnavailable(failure))

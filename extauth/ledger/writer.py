"""The writer of the ledger: entries at once, on the event loop; their sums in a thread.

The event loop never waits for the thread. A slow disk first takes memory for the backlog, and then
makes new reservations wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from extauth.errors import LedgerUnavailable
from extauth.ledger.store import Position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger.book import Book
    from extauth.ledger.entry import JournalEntry
    from extauth.ledger.journal import Journal
    from extauth.ledger.ledger import Counter
    from extauth.ledger.lines import Lines
    from extauth.ledger.store import LedgerStore
    from extauth.ledger.threshold import Threshold

# Seconds that an entry may stay in memory only, if no caller waits for it.
LINGER = 0.01
# A fold begins after this many entries, or this long after the first, so that it stays short.
FOLD_ENTRIES = 512
FOLD_SECONDS = 1.0
RETRY_SECONDS = 1.0
MAX_WAITING = 4096


class Writer:
    """Writes entries in their order. For tasks of one event loop.

    `failure` is set while the disk refuses. Unwritten entries then stay queued, and are tried again
    with every entry and every second.
    """

    def __init__(self, journal: Journal, store: LedgerStore, book: Book, lines: Lines) -> None:
        """`lines` has every open reservation, and no sums that the store does not have."""
        self.failure: str | None = None
        self._journal = journal
        self._store = store
        self._book = book
        self._lines = lines
        self._loop = asyncio.get_running_loop()
        self._queue: list[JournalEntry] = []
        self._append_timer: asyncio.TimerHandle | None = None
        self._unfolded: list[JournalEntry] = []
        self._fold_timer: asyncio.TimerHandle | None = None
        self._folding: asyncio.Future[bool] | None = None
        # Changes that are not in the store yet: those of several folds, if one failed.
        self._counters: dict[Counter, tuple[Counter, Sequence[float], float]] = {}
        self._told: dict[Threshold, float] = {}
        self._defect: str | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")

    @property
    def behind(self) -> bool:
        """True if new reservations have to wait for the sums to catch up."""
        return len(self._unfolded) >= MAX_WAITING and self._folding is not None

    async def catch_up(self) -> None:
        """Wait until `behind` is false."""
        while self.behind and self._folding is not None:
            # If it is done, let its callback run: awaiting the future would not.
            await (asyncio.sleep(0) if self._folding.done() else asyncio.shield(self._folding))

    def put(self, entry: JournalEntry) -> None:
        """Queue an entry, to be written with the next one or within `LINGER` seconds."""
        self._queue.append(entry)
        if self._append_timer is None:
            self._append_timer = self._loop.call_later(LINGER, self._append)

    def write(self, entry: JournalEntry) -> None:
        """Write an entry and all before it. They are in the journal file when this returns.

        Raises LedgerUnavailable when the disk refuses. The entry stays queued all the same.
        """
        self._queue.append(entry)
        self._append()
        if self.failure is not None:
            raise LedgerUnavailable(self.failure)

    async def fold(self) -> int:
        """Add up everything written until now, and leave none of it in the journal.

        Returns the number of rows that were renamed. Raises LedgerUnavailable when it fails.
        """
        before = self._store.renamed
        self._append()
        # A fold under way does not have everything; the next one has.
        await self._folded()
        self._put_away()
        if not await self._folded() or self._queue:
            raise LedgerUnavailable("The ledger's journal can't be added up: the disk refuses.")
        run = self._loop.run_in_executor
        if not await run(self._thread, self._store.checkpoint):
            raise LedgerUnavailable("A process that reads the ledger does not finish.")
        return self._store.renamed - before

    async def close(self) -> None:
        """Write what is queued, fold it, and end the thread. Raises LedgerUnavailable."""
        self._append()
        if self._folding is not None:
            await asyncio.shield(self._folding)
        self._put_away()
        if self._folding is not None:
            await asyncio.shield(self._folding)
        for timer in (self._append_timer, self._fold_timer):
            if timer is not None:
                timer.cancel()
        self._thread.shutdown()
        self._journal.close()
        if self.failure is not None:
            raise LedgerUnavailable(self.failure)

    async def _folded(self) -> bool:
        """Wait for the fold under way; return whether it succeeded. True if there is none."""
        if self._folding is None:
            return True
        done = await asyncio.shield(self._folding)
        # Its callback runs in the next round of the event loop.
        await asyncio.sleep(0)
        return done

    def _append(self) -> None:
        if self._append_timer is not None:
            self._append_timer.cancel()
            self._append_timer = None
        if not self._queue:
            return
        try:
            self._journal.append(self._queue)
        except OSError as error:
            self.failure = f"The ledger can't be written: {error.strerror}."
            self._append_timer = self._loop.call_later(RETRY_SECONDS, self._append)
            return
        self.failure = self._defect
        self._unfolded += self._queue
        self._queue.clear()
        self._schedule()

    def _schedule(self) -> None:
        if self._folding is not None:
            return
        if len(self._unfolded) >= FOLD_ENTRIES:
            self._put_away()
        elif self._unfolded and self._fold_timer is None:
            self._fold_timer = self._loop.call_later(FOLD_SECONDS, self._put_away)

    def _put_away(self) -> None:
        """Start a fold of what the journal has."""
        if self._fold_timer is not None:
            self._fold_timer.cancel()
            self._fold_timer = None
        # A change in the book's state but not in the journal would count twice after a crash.
        self._append()
        if self._folding is not None or self._queue or not self._unfolded:
            return
        try:
            number = self._journal.turn()
        except OSError:
            # Not urgent: the current file goes on.
            self._fold_timer = self._loop.call_later(RETRY_SECONDS, self._put_away)
            return
        entries, self._unfolded = self._unfolded, []
        book = self._book
        self._counters.update((change[0], change) for change in book.changes())
        self._told.update(book.thresholds.changes())
        position = Position(
            number, book.now, tuple(self._counters.values()), tuple(self._told.items())
        )
        self._folding = self._loop.run_in_executor(self._thread, self._add_up, entries, position)
        self._folding.add_done_callback(self._added_up)

    def _add_up(self, entries: Sequence[JournalEntry], position: Position) -> bool:
        """Fold the entries, in the thread; return whether they are in the store."""
        for entry in entries:
            self._lines.apply(entry)
        # If this fails, the journal and the lines still have everything, for the next fold.
        with contextlib.suppress(sqlite3.Error, OSError):
            self._store.fold(self._lines, position)
            self._journal.drop(position.number)
            return True
        return False

    def _added_up(self, folding: asyncio.Future[bool]) -> None:
        self._folding = None
        error = None if folding.cancelled() else folding.exception()
        if error is not None:
            # Refuse requests: their usage could not be added up.
            self.failure = self._defect = f"The ledger is broken: {type(error).__name__}."
            return
        if folding.result():
            self._counters.clear()
            self._told.clear()
        self._schedule()

"""The ledger of a single process: counted in memory, journalled, added up in SQLite."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import TYPE_CHECKING

from extauth.errors import LedgerUnavailable, StackError
from extauth.ledger.book import Book
from extauth.ledger.entry import Cleared, Granted, Renamed
from extauth.ledger.journal import Journal, journal_of
from extauth.ledger.ledger import Moved, scale
from extauth.ledger.store import LedgerStore
from extauth.ledger.writer import Writer
from extauth.observability.clock import told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from extauth.ledger.ledger import Counter, Demand, Reservation, Standing
    from extauth.ledger.lines import Lines
    from extauth.types import Account, Clock, Crossing, Usage

logger = logging.getLogger(__name__)

_NOT_OPEN = "The ledger is not open."


class EmbeddedLedger:
    """`Ledger` on files that this process owns. The protocol describes its methods.

    A settlement is written to a file when `settle` returns, a reservation or release within some 10
    ms. A killed process loses nothing that was written. Its open reservations are settled at the
    next start with the usage known of them, and are `unsettled` in the report; limits go on where
    they stood. A loss of power may also take the last second.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """`path` is the SQLite file; the journal and the lock lie beside it.

        `clock` is what `now` is read from. It dates the end of reservations that a killed process
        left open, and tells whether the files are from a time to come.
        """
        self._path = path
        self._clock = clock
        self.moved = 0.0
        self._book = Book()
        self._store: LedgerStore | None = None
        self._writer: Writer | None = None

    @property
    def size(self) -> int:
        """Number of counters in memory."""
        return self._book.size

    @property
    def open(self) -> int:
        """Number of reservations that are neither settled nor released."""
        return self._book.open

    @property
    def failure(self) -> str | None:
        """The reason why the ledger can't be used at the moment; None while it can."""
        return _NOT_OPEN if self._writer is None else self._writer.failure

    async def start(self) -> None:
        """Take the lock, load the counters, start the writer.

        Raises StackError when another process has the ledger, or the file can't be used.
        """
        self._store = LedgerStore(self._path)
        try:
            lines, journal = await asyncio.to_thread(self._load, self._store)
        except BaseException:
            self._store.close()
            raise
        self._writer = Writer(journal, self._store, self._book, lines)

    async def close(self) -> None:
        """Write everything down and close the files. Every later call is refused.

        Raises LedgerUnavailable when something could not be written.
        """
        writer, self._writer = self._writer, None
        if writer is not None and self._store is not None:
            try:
                await writer.close()
            finally:
                self._store.close()

    async def reserve(self, account: Account, demand: Demand, now: float) -> Reservation:
        writer = self._ready()
        while writer.behind:
            await writer.catch_up()
            # The clock may have been set back meanwhile.
            writer, now = self._ready(), self._clock()
        reservation, entry = self._book.reserve(account, demand, now)
        writer.put(entry)
        return reservation

    async def progress(self, reservation: Reservation, usage: Usage, now: float) -> None:
        """Note the usage so far. It is written within some 10 ms."""
        entry = self._book.progress(reservation, usage, now)
        if entry is not None:
            self._ready().put(entry)

    async def settle(
        self, reservation: Reservation, usage: Usage, now: float
    ) -> tuple[Crossing, ...]:
        if self._writer is None:
            raise LedgerUnavailable(_NOT_OPEN)
        settled = self._book.settle(reservation, usage, now)
        if settled is None:
            return ()
        entry, crossings = settled
        self._writer.write(entry)
        return crossings

    async def release(self, reservation: Reservation, now: float) -> None:
        if self._writer is None:
            raise LedgerUnavailable(_NOT_OPEN)
        entry = self._book.release(reservation, now)
        if entry is not None:
            self._writer.put(entry)

    async def usage(self, counters: Sequence[Counter], now: float) -> tuple[int, ...]:
        self._ready()
        return self._book.usage(counters, now)

    async def standing(self, key: str, now: float) -> tuple[Standing, ...]:
        self._ready()
        return self._book.standing(key, now)

    async def reset(self, key: str, now: float) -> int:
        writer = self._ready()
        counters = self._book.knows(key)
        entry = Cleared(self._book.advance(now), key)
        self._book.apply(entry)
        writer.write(entry)
        return counters

    async def grant(self, counter: Counter, amount: int, now: float) -> None:
        writer = self._ready()
        entry = Granted(self._book.advance(now), counter, amount * scale(counter.unit))
        self._book.apply(entry)
        writer.write(entry)

    async def rename(self, names: Mapping[str, str], now: float) -> Moved:
        writer = self._ready()
        self._book.advance(now)
        # Only rows that are in the sums can be counted.
        await writer.fold()
        entry = Renamed(self._book.now, dict(names))
        self._book.apply(entry)
        writer.write(entry)
        rows = await writer.fold()
        # These are settled under the new name, but their requests still carry the old one.
        new = set(names.values())
        return Moved(rows, sum(one.account.principal in new for one in self._book.opened))

    def step(self, by: float, now: float) -> None:
        if self._writer is not None:
            self._writer.put(self._book.step(by, now))

    def _ready(self) -> Writer:
        writer = self._writer
        if writer is None:
            raise LedgerUnavailable(_NOT_OPEN)
        if writer.failure is not None:
            raise LedgerUnavailable(writer.failure)
        return writer

    def _load(self, store: LedgerStore) -> tuple[Lines, Journal]:
        try:
            lines, number, self.moved = store.recover(self._book, self._clock())
        except sqlite3.Error as error:
            raise StackError(f"{self._path}: can't be read: {error}") from None
        if self.moved:
            logger.warning(
                "%s is from a time to come: this machine's clock was set %s since; "
                "what is booked counts from now on as long as it had left",
                *(self._path, told(self.moved)),
            )
        journal = Journal(journal_of(self._path), number + 1)
        journal.drop(number)
        return lines, journal

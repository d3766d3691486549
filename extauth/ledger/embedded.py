"""The ledger of a single process: counted in memory, written to a journal, added up in SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

from extauth.errors import LedgerUnavailable, StackError
from extauth.ledger.book import Book
from extauth.ledger.entry import Cleared, Granted, Renamed
from extauth.ledger.journal import Journal, journal_of
from extauth.ledger.ledger import Moved, scale
from extauth.ledger.store import Store
from extauth.ledger.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from extauth.ledger.ledger import Counter, Demand, Reservation, Standing
    from extauth.ledger.lines import Lines
    from extauth.types import Account, Clock, Crossing, Usage

_NOT_OPEN = "The ledger is not open."


class EmbeddedLedger:
    """`Ledger` on files that this process owns. See the protocol for its promises.

    A settlement is on disk when `settle` returns; a reservation or release within some 10 ms. A
    process that is killed loses none of the first. What it had reserved and not settled counts as
    what is known of it after the restart; such requests are `unsettled` in the report. Limits go
    on where they stood. A loss of power may also take the last second.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        """`path` is the SQLite file; its journal and its lock lie beside it. `clock` dates what
        was lost.
        """
        self._path = path
        self._clock = clock
        self._book = Book()
        self._store: Store | None = None
        self._writer: Writer | None = None

    @property
    def size(self) -> int:
        """How many counters are in memory."""
        return self._book.size

    @property
    def open(self) -> int:
        """How many reservations are neither settled nor released."""
        return self._book.open

    @property
    def failure(self) -> str | None:
        """Why nothing can be accounted for at the moment."""
        return _NOT_OPEN if self._writer is None else self._writer.failure

    async def start(self) -> None:
        """Take the lock, load what counts, start the writer.

        Raises StackError when another process has the ledger, or the file can't be used.
        """
        self._store = Store(self._path)
        try:
            lines, journal = await asyncio.to_thread(self._load, self._store)
        except BaseException:
            self._store.close()
            raise
        self._writer = Writer(journal, self._store, self._book, lines)

    async def close(self) -> None:
        """Write everything down and let go of the file; refuse everything from now on.

        Raises LedgerUnavailable when something could not be written.
        """
        writer, self._writer = self._writer, None
        if writer is not None and self._store is not None:
            try:
                await writer.close()
            finally:
                self._store.close()

    async def reserve(self, account: Account, demand: Demand, now: float) -> Reservation:
        """Set the worst case aside under all limits, or under none."""
        writer = self._ready()
        while writer.behind:
            await writer.catch_up()
            writer = self._ready()
        reservation, entry = self._book.reserve(account, demand, now)
        writer.put(entry)
        return reservation

    async def progress(self, reservation: Reservation, usage: Usage, now: float) -> None:
        """So much is known to be used by now; on disk within some 10 ms."""
        entry = self._book.progress(reservation, usage, now)
        if entry is not None:
            self._ready().put(entry)

    async def settle(
        self, reservation: Reservation, usage: Usage, now: float
    ) -> tuple[Crossing, ...]:
        """Replace what was reserved by what was used, once; durable when it returns."""
        if self._writer is None:
            raise LedgerUnavailable(_NOT_OPEN)
        settled = self._book.settle(reservation, usage, now)
        if settled is None:
            return ()
        entry, crossings = settled
        self._writer.write(entry)
        return crossings

    async def release(self, reservation: Reservation, now: float) -> None:
        """Give back what was reserved, once."""
        if self._writer is None:
            raise LedgerUnavailable(_NOT_OPEN)
        entry = self._book.release(reservation, now)
        if entry is not None:
            self._writer.put(entry)

    async def usage(self, counters: Sequence[Counter], now: float) -> tuple[int, ...]:
        """What counts now, held and booked."""
        self._ready()
        return self._book.usage(counters, now)

    async def standing(self, key: str, now: float) -> tuple[Standing, ...]:
        """The counters under a key."""
        self._ready()
        return self._book.standing(key, now)

    async def reset(self, key: str, now: float) -> int:
        """Forget what is booked under a key; durable when it returns."""
        writer = self._ready()
        counters = self._book.knows(key)
        entry = Cleared(self._book.advance(now), key)
        self._book.apply(entry)
        writer.write(entry)
        return counters

    async def grant(self, counter: Counter, amount: int, now: float) -> None:
        """Let that much more be used; durable when it returns."""
        writer = self._ready()
        entry = Granted(self._book.advance(now), counter, amount * scale(counter.unit))
        self._book.apply(entry)
        writer.write(entry)

    async def rename(self, names: Mapping[str, str], now: float) -> Moved:
        """Go on under other names."""
        writer = self._ready()
        # What is in the sums can be told: how many rows there were.
        await writer.fold()
        entry = Renamed(self._book.advance(now), dict(names))
        self._book.apply(entry)
        writer.write(entry)
        rows = await writer.fold()
        # They are settled under the new name, and yet know the old one.
        new = set(names.values())
        return Moved(rows, sum(one.account.principal in new for one in self._book.opened))

    def _ready(self) -> Writer:
        writer = self._writer
        if writer is None:
            raise LedgerUnavailable(_NOT_OPEN)
        if writer.failure is not None:
            raise LedgerUnavailable(writer.failure)
        return writer

    def _load(self, store: Store) -> tuple[Lines, Journal]:
        try:
            lines, number = store.recover(self._book, self._clock())
        except sqlite3.Error as error:
            raise StackError(f"{self._path}: can't be read: {error}") from None
        journal = Journal(journal_of(self._path), number + 1)
        journal.drop(number)
        return lines, journal

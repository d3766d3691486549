"""The ledger of a single process: counted in memory, written to a journal, added up in SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

from extauth.errors import LedgerUnavailable, StackError
from extauth.ledger.book import Book
from extauth.ledger.journal import Journal, journal_of
from extauth.ledger.store import Store
from extauth.ledger.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extauth.ledger.fold import Fold
    from extauth.ledger.ledger import Charge, Reservation
    from extauth.types import Account, Clock, Usage, UsageFacts

_NOT_OPEN = "The ledger is not open."


class EmbeddedLedger:
    """`Ledger` on files that this process owns. See the protocol for its promises.

    A settlement is on disk when `settle` returns; a reservation or release within some 10 ms. A
    process that is killed loses none of the first. What it had reserved and not settled counts in
    full after the restart; such requests are `unsettled` in the report. Limits go on where
    they stood. A loss of power may also take the last second.
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
            fold, journal = await asyncio.to_thread(self._load, self._store)
        except BaseException:
            self._store.close()
            raise
        self._writer = Writer(journal, self._store, fold)

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

    async def reserve(self, account: Account, charges: Sequence[Charge], now: float) -> Reservation:
        """Set the charges aside, all of them or none."""
        writer = self._ready()
        while writer.behind:
            await writer.catch_up()
            writer = self._ready()
        reservation, entry = self._book.reserve(account, charges, now)
        writer.put(entry)
        return reservation

    async def settle(self, reservation: Reservation, usage: Usage, now: float) -> None:
        """Replace what was reserved by what was used, once; durable when it returns."""
        if self._writer is None:
            raise LedgerUnavailable(_NOT_OPEN)
        entry = self._book.settle(reservation, usage, now)
        if entry is not None:
            self._writer.write(entry)

    async def release(self, reservation: Reservation, now: float) -> None:
        """Give back what was reserved, once."""
        if self._writer is None:
            raise LedgerUnavailable(_NOT_OPEN)
        entry = self._book.release(reservation, now)
        if entry is not None:
            self._writer.put(entry)

    async def usage(self, tenant: str, principal: str, now: float) -> UsageFacts:
        """What both have used so far."""
        self._ready()
        return self._book.usage(tenant, principal, now)

    def _ready(self) -> Writer:
        writer = self._writer
        if writer is None:
            raise LedgerUnavailable(_NOT_OPEN)
        if writer.failure is not None:
            raise LedgerUnavailable(writer.failure)
        return writer

    def _load(self, store: Store) -> tuple[Fold, Journal]:
        try:
            fold, number = store.recover(self._clock())
            self._book.advance(fold.now)
            for bucket, requests, tokens in store.buckets():
                self._book.load(bucket, requests, tokens)
        except sqlite3.Error as error:
            raise StackError(f"{self._path}: can't be read: {error}") from None
        journal = Journal(journal_of(self._path), number + 1)
        journal.drop(number)
        return fold, journal

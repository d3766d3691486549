"""The gateway's inside: everything that a request passes, behind two methods."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extauth.gateway.inference import Inference
from extauth.gateway.lookup import look_up
from extauth.gateway.request import Request
from extauth.gateway.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.gateway.books import Books
    from extauth.gateway.reservation import Hold
    from extauth.gateway.runtime import Runtime
    from extauth.gateway.step import Answer, Continue, Refuse
    from extauth.types import RequestHead


class Gateway:
    """Begins requests, on the runtime that is served at that moment. Belongs to one event loop."""

    def __init__(self, *, runtime: Callable[[], Runtime], books: Books, hash_key: bytes) -> None:
        """`hash_key` makes the stand-ins of masked values; the books are open."""
        self.runtime = runtime
        self.books = books
        self._inference = Inference(books.ledger, hash_key)
        self._settling: set[asyncio.Future[None]] = set()

    def request(self, head: RequestHead, hold: Hold) -> Request:
        """Begin a request whose body matters. See `Request` for `hold` and what follows."""
        transaction = Transaction(self.books, self.runtime(), head)
        return Request(transaction, self._inference, hold, self._settling)

    async def look_up(self, head: RequestHead) -> Continue | Answer | Refuse:
        """Serve a request that its head alone decides on. Safe to cancel."""
        return await look_up(Transaction(self.books, self.runtime(), head))

    async def drain(self) -> None:
        """Wait until the requests that were cut have been settled."""
        while self._settling:
            await asyncio.wait(self._settling)

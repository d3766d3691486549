"""The gateway's inside: everything that a request passes, behind two methods."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extauth.gateway.health import Health
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

    def __init__(
        self,
        *,
        runtime: Callable[[], Runtime],
        books: Books,
        hash_key: bytes,
        health: Health | None = None,
    ) -> None:
        """`hash_key` makes the stand-ins of masked values; the books are open.

        `health` asks Envoy of the working directory unless another one is given.
        """
        self.runtime = runtime
        self.books = books
        self._health = health or Health()
        self._inference = Inference(books.ledger, hash_key)
        self._settling: set[asyncio.Future[None]] = set()

    def request(self, head: RequestHead, hold: Hold) -> Request:
        """Begin a request whose body matters. See `Request` for `hold` and what follows."""
        transaction = Transaction(self.books, self.runtime(), head)
        return Request(transaction, self._inference, hold, self._settling)

    async def look_up(self, head: RequestHead) -> Continue | Answer | Refuse:
        """Serve a request that its head alone decides on. Safe to cancel."""
        return await look_up(Transaction(self.books, self.runtime(), head), self._health)

    async def drain(self) -> None:
        """Wait until the requests that were cut have been settled."""
        while self._settling:
            await asyncio.wait(self._settling)

    async def close(self) -> None:
        """Settle what was cut, and let go of the connections. No request may begin any more."""
        await self.drain()
        await self._health.close()

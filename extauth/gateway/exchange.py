"""The response side of one dispatched request.

    HEADERS -> PLAIN     -> DONE      the whole answer at once
            -> STREAMING -> DONE      delta by delta
            ->              DONE      an answer that is known without the backend

Text is scanned, treated and restored on its way, tokens are counted, and the transaction is closed
before the last byte is released. Whatever cuts the exchange short ends in `abandon`.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import TYPE_CHECKING

from extauth.audit import Outcome
from extauth.clients import dropped_headers, limit_headers, noted_headers
from extauth.content.privacy import AnswerFilters
from extauth.errors import AnsweredError, BackendTimeout, ContentBlocked
from extauth.gateway.choices import ChoiceFilters
from extauth.gateway.meter import Meter
from extauth.gateway.step import CONTINUE, Answer, Continue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.gateway.dispatched import Answered, Dispatched
    from extauth.gateway.step import Header
    from extauth.gateway.transaction import Transaction
    from extauth.types import Usage


_INLINE = 32 << 10
"""Bytes of an answer that is filtered on the event loop: milliseconds; a larger one in a thread."""


class State(Enum):
    """The part of the answer that comes next."""

    HEADERS = auto()
    PLAIN = auto()
    STREAMING = auto()
    DONE = auto()


class Exchange:
    """Turns a backend's answer into the client's. Belongs to the task that serves the request."""

    __slots__ = (
        "_filters",
        "_making",
        "_meter",
        "_reader",
        "_transaction",
        "_writer",
        "chunked",
        "dispatched",
        "state",
    )

    def __init__(self, transaction: Transaction, dispatched: Dispatched) -> None:
        self._transaction = transaction
        self.dispatched = dispatched
        self._reader = dispatched.reader
        self._writer = dispatched.writer
        self._making = AnswerFilters(
            dispatched.detector,
            dispatched.answers,
            dispatched.masker,
            transaction.entry.answer_sensitive,
        )
        self._filters = ChoiceFilters(self._making, dispatched.guards)
        self._meter = Meter(dispatched)
        self.state = State.HEADERS
        self.chunked = False

    def headers(self, status: int, headers: Mapping[str, str]) -> Continue:
        """Note how the backend answers, and let the head of a stream go on to the client."""
        if not (self._reader.start(status, headers) and self._writer.streaming):
            self.state = State.PLAIN
            return CONTINUE
        self._transaction.mark("backend")
        self.state = State.STREAMING
        self.chunked = True
        return Continue(self._told(("content-type", self._writer.content_type)), chunked=True)

    async def plain(self, body: bytes) -> Answer:
        """Turn the whole answer of the backend into the whole answer of the client.

        Raises what the client is told instead; then nothing was charged, unless it is
        ContentBlocked, and the model has answered, or BackendTimeout, and it may have worked to
        its end: then what was reserved is charged.
        """
        self._transaction.mark("backend")
        try:
            deltas = self._meter.count(self._reader.decode(body, end=True))
        except BackendTimeout:
            self._transaction.usage = self._meter.worst()
            raise
        usage = self._meter.usage()
        try:
            if len(body) > _INLINE:
                filtered = await asyncio.to_thread(self._filters.whole, deltas)
            else:
                filtered = self._filters.whole(deltas)
        except ContentBlocked:
            self._transaction.usage = usage
            raise
        encoded = self._writer.encode(filtered)
        self._reader.finish()
        encoded += self._writer.finish(usage)
        self._transaction.mark("translate")
        await self._finish(usage)
        told = self._told(("content-type", self._writer.content_type), *self._writer.headers)
        return Answer(told, encoded)

    async def chunk(self, body: bytes, *, end: bool) -> bytes:
        """Turn one chunk of a stream into what the client may see of it by now.

        An error of the backend after the headers went out becomes an event, and the end; so does
        what the policy blocks, and nothing of the chunk that it came to light in is told.
        """
        if self.state is State.DONE:
            return b""
        encoded = b""
        try:
            deltas = self._meter.count(self._reader.decode(body, end=end))
            feed = self._filters.feed
            encoded = self._writer.encode([feed(delta) for delta in deltas])
            if not end:
                if self._transaction.progress_due:
                    self.charge()
                    await self._transaction.progress()
                return encoded
            encoded += self._writer.encode(self._filters.held())
            usage = self._meter.usage()
            self._reader.finish()
            rest = self._writer.finish(usage)
            self._transaction.mark("stream")
            await self._finish(usage)
        except AnsweredError as error:
            # The headers went out long ago.
            self.charge()
            self.state = State.DONE
            return encoded + self._writer.error(await self._transaction.refuse(error))
        return encoded + rest

    async def answer(self, answered: Answered) -> Answer:
        """Answer without the backend, treated and restored as its answer would be.

        An event stream is whole in the body: Envoy's answer in a backend's place has only one.
        """
        filtered = [self._filters.feed(delta) for delta in answered.deltas]
        encoded = self._writer.encode([*filtered, *self._filters.held()])
        encoded += self._writer.finish(answered.usage)
        self._transaction.mark("translate")
        await self._finish(answered.usage)
        told = self._told(("content-type", self._writer.content_type), *self._writer.headers)
        return Answer(told, encoded)

    async def abandon(self) -> None:
        """The client is gone, or the stream was cut: charge what is known to have been used.

        A plain answer that nobody waits for is still computed to its end, and the backend tells
        nobody how long it was: it is charged what was reserved.
        """
        if self.state is State.HEADERS or self.state is State.PLAIN:
            self._transaction.usage = self._meter.worst()
        self.charge()
        await self._transaction.disconnected()

    def charge(self) -> None:
        """Charge what a stream has used by now: the client may have read it, however it ends."""
        if self.state is State.STREAMING:
            self._transaction.usage = self._meter.usage()

    def _told(self, *headers: Header) -> tuple[Header, ...]:
        """Add what the policy did, and what is left of the limits."""
        return (
            *headers,
            *limit_headers(self.dispatched.limits),
            *dropped_headers(self.dispatched.dropped_turns),
            *noted_headers(self._transaction.entry.noted),
        )

    async def _finish(self, usage: Usage) -> None:
        self.state = State.DONE
        self._transaction.usage = usage
        self._transaction.entry.note(self._making.noted)
        await self._transaction.close(Outcome.SERVED, status=200)

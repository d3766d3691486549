"""The response side of one dispatched request.

    HEADERS -> PLAIN     -> DONE      the whole answer at once
            -> STREAMING -> DONE      delta by delta

Text is scanned, treated and restored on its way, tokens are counted, and the transaction is closed
before the last byte is released. Whatever cuts the exchange short ends in `abandon`.
"""

from __future__ import annotations

import asyncio
import time
from enum import Enum, auto
from typing import TYPE_CHECKING

import msgspec

from extauth.audit import Outcome
from extauth.content.privacy import AnswerFilters
from extauth.errors import AnsweredError, BackendTimeout, ContentBlocked, LedgerUnavailable
from extauth.gateway.choices import ChoiceFilters
from extauth.types import Delta, Usage
from extauth.types.answer import WHOLE
from extauth.usage.prices import cost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.gateway.dispatch import Dispatch
    from extauth.gateway.transaction import Transaction


_INLINE = 32 << 10
"""Bytes of an answer that is filtered on the event loop: milliseconds; a larger one in a thread."""


class State(Enum):
    """What the exchange waits for."""

    HEADERS = auto()
    PLAIN = auto()
    STREAMING = auto()
    DONE = auto()


class Answer(msgspec.Struct, frozen=True):
    """A whole answer to the client."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


class Exchange:
    """Turns Triton's answer into the client's. Belongs to the task that serves the request."""

    __slots__ = (
        "_counted",
        "_dispatch",
        "_filters",
        "_making",
        "_reader",
        "_sent",
        "_told",
        "_told_prompt",
        "_transaction",
        "_writer",
        "state",
    )

    def __init__(self, transaction: Transaction, dispatch: Dispatch) -> None:
        self._transaction = transaction
        self._dispatch = dispatch
        self._reader = dispatch.reader
        self._writer = dispatch.writer
        self._making = AnswerFilters(
            dispatch.detector, dispatch.answers, dispatch.masker, transaction.answer_sensitive
        )
        self._filters = ChoiceFilters(self._making, dispatch.guards)
        self._counted: dict[int, int] = {}
        self._told: dict[int, int] = {}
        self._told_prompt: int | None = None
        self._sent = time.perf_counter()
        self.state = State.HEADERS

    def headers(self, status: int, headers: Mapping[str, str]) -> bool:
        """Note how the backend answers; True when its body is to arrive chunk by chunk."""
        self._transaction.mark("backend")
        streams = self._reader.start(status, headers) and self._writer.streaming
        self.state = State.STREAMING if streams else State.PLAIN
        self._count(())
        return streams

    async def plain(self, body: bytes) -> Answer:
        """The whole answer of the backend to the whole answer of the client.

        Raises what the client is told instead; then nothing was charged, unless it is
        ContentBlocked, and the model has answered, or BackendTimeout, and it may have worked to
        its end: then what was reserved is charged.
        """
        self._transaction.mark("backend")
        try:
            deltas = self._count(self._reader.decode(body, end=True))
        except BackendTimeout:
            self._transaction.usage = self._worst()
            raise
        usage = self._usage()
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
        headers = (("content-type", self._writer.content_type), *self._writer.headers)
        return Answer(headers, encoded)

    async def chunk(self, body: bytes, *, end: bool) -> bytes:
        """One chunk of a stream to what the client may see of it by now.

        An error of the backend after the headers went out becomes an event, and the end; so does
        what the policy blocks, and nothing of the chunk that it came to light in is told.
        """
        if self.state is State.DONE:
            return b""
        encoded = b""
        try:
            deltas = self._count(self._reader.decode(body, end=end))
            feed = self._filters.feed
            encoded = self._writer.encode([feed(delta) for delta in deltas])
            if not end:
                await self._transaction.progress()
                return encoded
            encoded += self._writer.encode(self._filters.held())
            usage = self._usage()
            self._reader.finish()
            rest = self._writer.finish(usage)
            self._transaction.mark("stream")
            await self._finish(usage)
        except AnsweredError as error:
            return encoded + self._writer.error(await self._failed(error))
        return encoded + rest

    async def _failed(self, error: AnsweredError) -> AnsweredError:
        """End a stream whose headers went out long ago; the error that the client is told."""
        self.state = State.DONE
        try:
            await self._transaction.refuse(error)
        except LedgerUnavailable as unavailable:
            return unavailable
        return error

    async def abandon(self) -> None:
        """The client is gone, or the stream was cut: charge what is known to have been used.

        A plain answer that nobody waits for is still computed to its end, and the backend tells
        nobody how long it was: it is charged what was reserved.
        """
        if self.state is not State.STREAMING:
            self._transaction.usage = self._worst()
        await self._transaction.disconnected()

    def _count(self, deltas: Sequence[Delta]) -> list[Delta]:
        """Note what the deltas used; the deltas with the counts that are charged in them."""
        tokenizer = self._dispatch.model.tokenizer
        counted = []
        for delta in deltas:
            index, told = delta.index, delta.completion_tokens
            if told is not None:
                self._told[index] = told
            if delta.prompt_tokens is not None:
                self._told_prompt = delta.prompt_tokens
            if delta.text and (told is None or not tokenizer.exact):
                # Piece by piece, which errs upwards: nobody but the backend knows the ids.
                count = tokenizer.count(delta.text)
                self._counted[index] = self._counted.get(index, 0) + count
            details = delta.details
            if details is not None and index != WHOLE and (told is None or not tokenizer.exact):
                said = sum([tokenizer.count(text) for text in details.texts])
                self._counted[index] = self._counted.get(index, 0) + said
            if told is None and delta.finish_reason == "stop":
                unseen = self._dispatch.unseen
                self._counted[index] = self._counted.get(index, 0) + unseen
            counted.append(self._charged(delta))
        if self.state is State.STREAMING:
            # From here on the client may have read it: however this ends, it is charged.
            self._transaction.usage = self._usage()
        return counted

    def _charged(self, delta: Delta) -> Delta:
        """The delta with the counts that are charged, where the backend tells any."""
        completion, prompt = delta.completion_tokens, delta.prompt_tokens
        if completion is not None:
            completion = self._used(delta.index)
        if prompt is not None:
            prompt = self._prompt()
        if (completion, prompt) == (delta.completion_tokens, delta.prompt_tokens):
            return delta
        return msgspec.structs.replace(delta, completion_tokens=completion, prompt_tokens=prompt)

    def _prompt(self) -> int:
        return self._settled(self._dispatch.worst_case.prompt_tokens, self._told_prompt)

    def _used(self, index: int) -> int:
        counted = self._counted
        own = sum(counted.values()) if index == WHOLE else counted.get(index, 0)
        return self._settled(own, self._told.get(index))

    def _settled(self, counted: int, told: int | None) -> int:
        """What is charged for tokens that are counted here, and by the backend if it tells."""
        if told is None:
            return counted
        return told if self._dispatch.settlement == "backend" else max(counted, told)

    def _usage(self) -> Usage:
        if WHOLE in self._told:
            return self._costed(self._prompt(), self._used(WHOLE))
        choices = self._counted.keys() | self._told.keys()
        return self._costed(self._prompt(), sum(map(self._used, choices)))

    def _worst(self) -> Usage:
        worst = self._dispatch.worst_case
        return self._costed(worst.prompt_tokens, worst.completion_tokens)

    def _costed(self, prompt: int, completion: int) -> Usage:
        """These tokens, what they cost, and how long the backend has worked on them by now."""
        milliseconds = int((time.perf_counter() - self._sent) * 1000)
        return Usage(
            prompt, completion, cost(self._dispatch.price, prompt, completion), milliseconds
        )

    async def _finish(self, usage: Usage) -> None:
        self.state = State.DONE
        self._transaction.usage = usage
        self._transaction.note(self._making.noted)
        await self._transaction.close(Outcome.SERVED, status=200)

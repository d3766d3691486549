"""An inference request, and the order of its stages.

    headers() -> body() -> answer_headers() -> chunk(), chunk() ...

Each returns what Envoy is to do next. Whatever a stage raises becomes a `Refuse`: none of them
raises, and a call out of this order is refused, so nothing passes without a decision.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from typing import TYPE_CHECKING

from extauth.audit import Outcome
from extauth.backends import REPLACED_HEADERS
from extauth.clients import api_of
from extauth.errors import InvalidRequest, LedgerUnavailable
from extauth.gateway.admission import Admitted, admit
from extauth.gateway.exchange import Exchange, State
from extauth.gateway.step import CONTINUE, Answer, Continue, Refuse, Upstream
from extauth.types.headers import CLUSTER, STREAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.gateway.inference import Inference
    from extauth.gateway.reservation import Hold
    from extauth.gateway.transaction import Transaction

logger = logging.getLogger(__name__)

_STREAMS = ((STREAMS, "1"),)


class Phase(Enum):
    """A stage of a request that leaves nothing to hand over."""

    RECEIVED = auto()
    """Only its head is known."""

    PASSING = auto()
    """Envoy answers it by itself, and its answer passes as it is."""

    OVER = auto()
    """It is answered."""


class Request:
    """A request with a body, from its head to its last byte.

    Belongs to the task that serves it, which must `close` it, however it ends. `stage` is the
    result of the last stage.
    """

    __slots__ = ("_hold", "_inference", "_settling", "stage", "transaction")

    def __init__(
        self,
        transaction: Transaction,
        inference: Inference,
        hold: Hold,
        settling: set[asyncio.Future[None]],
    ) -> None:
        """`hold` is called when a stage takes long, since the request waits in line.

        `settling` has what `close` began, until it is done.
        """
        self.transaction = transaction
        self._inference = inference
        self._hold = hold
        self._settling = settling
        self.stage: Phase | Admitted | Exchange = Phase.RECEIVED

    async def headers(self, *, end: bool) -> Continue | Refuse:
        """Admit the request by its head; `end` when no body follows."""
        try:
            if self.stage is not Phase.RECEIVED:
                raise _misplaced("a head")
            self.stage = await admit(self.transaction)
            if end:
                raise InvalidRequest("The request has no body.")
        except Exception as error:
            return await self._refuse(error)
        return CONTINUE

    async def body(self, body: bytes) -> Upstream | Answer | Refuse:
        """Decide on the whole body, reserve, and write the backend's request.

        A request whose answer is known without the backend is answered.
        """
        admitted = self.stage
        try:
            if not isinstance(admitted, Admitted):
                raise _misplaced("a body")
            self.transaction.mark("body")
            dispatched = await self._inference.dispatch(
                self.transaction, admitted, body, self._hold
            )
            exchange = self.stage = Exchange(self.transaction, dispatched)
            if dispatched.answered is not None:
                return await exchange.answer(dispatched.answered)
        except Exception as error:
            return await self._refuse(error)
        request = dispatched.request
        return Upstream(
            headers=(
                (":path", request.path),
                (CLUSTER, dispatched.route.cluster),
                ("content-length", str(len(request.body))),
                *request.headers,
                *(_STREAMS if request.streams else ()),
            ),
            body=request.body,
            removed=REPLACED_HEADERS,
        )

    async def answer_headers(
        self, status: int, headers: Mapping[str, str], *, end: bool
    ) -> Continue | Answer | Refuse:
        """Take the head of the backend's answer; `end` when no body follows.

        Before the body was shown here, Envoy has refused it: its own answer passes as it is.
        """
        exchange = self.stage
        try:
            if isinstance(exchange, Admitted):
                self.transaction.mark("body")
                self.stage = Phase.PASSING
                await self.transaction.close(Outcome.INVALID, status=status)
                return CONTINUE
            if not isinstance(exchange, Exchange) or exchange.state is not State.HEADERS:
                raise _misplaced("the head of an answer")
            head = exchange.headers(status, headers)
            if end and not head.chunked:
                return await exchange.plain(b"")
        except Exception as error:
            return await self._refuse(error)
        return head

    async def chunk(self, body: bytes, *, end: bool) -> bytes | Continue | Answer | Refuse:
        """Take the body of the backend's answer: whole, or a chunk of a stream.

        Bytes go to the client in the place of the chunk; none hold it back.
        """
        exchange = self.stage
        try:
            if isinstance(exchange, Exchange):
                if exchange.chunked:
                    return await exchange.chunk(body, end=end)
                if exchange.state is State.PLAIN:
                    return await exchange.plain(body)
            elif exchange is Phase.PASSING:
                return CONTINUE
            raise _misplaced("the body of an answer")
        except Exception as error:
            return await self._refuse(error)

    def close(self) -> None:
        """End the request. What was cut short is settled in a task of its own.

        The caller's may be cancelled at any moment, and settling must not be.
        """
        if not self.transaction.closed:
            task = asyncio.ensure_future(self._abandon())
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)

    async def _abandon(self) -> None:
        try:
            if isinstance(self.stage, Exchange):
                await self.stage.abandon()
            else:
                await self.transaction.disconnected()
        except LedgerUnavailable as error:
            logger.error("request %s: %s", self.transaction.head.request_id, error.message)

    async def _refuse(self, error: Exception) -> Refuse:
        if isinstance(self.stage, Exchange):
            self.stage.charge()
        self.stage = Phase.OVER
        told = await self.transaction.refuse(error)
        return Refuse.of(api_of(self.transaction.head.path), told)


def _misplaced(what: str) -> RuntimeError:
    return RuntimeError(f"{what} came out of its place")

"""Inference: one ext_proc stream holds the whole request, from its headers to its last byte.

Envoy lets a request pass when this service closes a stream cleanly without an answer, so every
way out of here answers, or fails the call. That a route exists at all takes the cluster header,
which only `send_upstream` sets.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NoReturn

from envoy.service.ext_proc.v3.external_processor_pb2 import ProcessingRequest

from extauth.audit import Outcome
from extauth.clients import api_of, dropped_headers, limit_headers, noted_headers
from extauth.errors import AnsweredError, GatewayError, InvalidRequest
from extauth.gateway.admission import admit
from extauth.gateway.exchange import Exchange
from extauth.gateway.transaction import State, Transaction
from extauth.wire import reply
from extauth.wire.call import CutError
from extauth.wire.head import request_head, response_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.gateway.dispatch import Dispatch
    from extauth.gateway.inference import Inference
    from extauth.gateway.runtime import Runtime
    from extauth.gateway.transaction import Books
    from extauth.types import Api
    from extauth.wire.call import Call

PROCESS: Final = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"

logger = logging.getLogger(__name__)


class ExternalProcessor:
    """Serves `Process`. Shared by all streams of one event loop."""

    def __init__(
        self,
        *,
        runtime: Callable[[], Runtime],
        books: Books,
        inference: Inference,
    ) -> None:
        self._runtime = runtime
        self._books = books
        self._inference = inference
        self._open: set[asyncio.Future[None]] = set()

    async def drain(self) -> None:
        """Wait until those that were cut have been settled; for a stopped server."""
        while self._open:
            await asyncio.wait(self._open)

    async def process(self, call: Call) -> None:
        """Serve one stream."""
        try:
            message = await _next(call)
            if not message.HasField("request_headers"):
                await _pass_on(call, message)
        except CutError:
            return
        head = request_head(message.request_headers.headers.headers)
        transaction = Transaction(self._books, self._runtime(), head)
        stream = _Stream(call, transaction, api_of(head.path))
        try:
            await stream.run(self._inference, message)
        finally:
            if transaction.state is not State.CLOSED:
                # This task may be cancelled any moment: settling must not be.
                task = asyncio.ensure_future(stream.abandon())
                self._open.add(task)
                task.add_done_callback(self._open.discard)


class _Stream:
    """One stream: reads Envoy's messages in their order and answers each."""

    def __init__(self, call: Call, transaction: Transaction, api: Api) -> None:
        self._call = call
        self._transaction = transaction
        self._api = api
        self._exchange: Exchange | None = None

    async def run(self, inference: Inference, message: ProcessingRequest) -> None:
        """Serve the request. Returns only after it was answered, or when Envoy gave it up."""
        try:
            await admit(self._transaction)
            if message.request_headers.end_of_stream:
                raise InvalidRequest("The request has no body.")
            await self._call.write(reply.CONTINUE_REQUEST_HEADERS)
            message = await _next(self._call)
            self._transaction.mark("body")
            if message.HasField("response_headers"):
                status, _ = response_head(message.response_headers.headers.headers)
                await self._transaction.close(Outcome.INVALID, status=status)
                await _pass_on(self._call, message)
            dispatch = await inference.dispatch(
                self._transaction, message.request_body.body, self._hold
            )
            self._exchange = Exchange(self._transaction, dispatch)
            await self._call.write(reply.send_upstream(dispatch))
            await self._respond(self._exchange, dispatch)
        except CutError:
            return
        except AnsweredError as error:
            await self._refuse(error)
        except Exception:
            logger.exception("request %s failed", self._transaction.head.request_id)
            await self._refuse(GatewayError("The gateway failed to serve this request."))

    async def _hold(self, seconds: float) -> None:
        await self._call.write(reply.hold(seconds))

    async def _respond(self, exchange: Exchange, dispatch: Dispatch) -> None:
        message = await _next(self._call)
        status, headers = response_head(message.response_headers.headers.headers)
        limits = (
            *limit_headers(dispatch.limits),
            *dropped_headers(self._transaction.dropped_turns),
        )
        if exchange.headers(status, headers):
            told = (*limits, *noted_headers(self._transaction.noted))
            await self._call.write(reply.open_stream(dispatch.writer.content_type, told))
            ended = False
            while not ended:
                body = (await _next(self._call)).response_body
                ended = body.end_of_stream
                out = await exchange.chunk(body.body, end=ended)
                await self._call.write(reply.chunk(out))
            return
        body = b""
        if not message.response_headers.end_of_stream:
            await self._call.write(reply.CONTINUE_RESPONSE_HEADERS)
            body = (await _next(self._call)).response_body.body
        answer = await exchange.plain(body)
        told = (*limits, *noted_headers(self._transaction.noted))
        await self._call.write(reply.answer(answer, told))

    async def _refuse(self, error: AnsweredError) -> None:
        try:
            await self._transaction.refuse(error)
        except AnsweredError as unavailable:
            error = unavailable
        await self._call.write(reply.refuse(self._api, error))

    async def abandon(self) -> None:
        """Settle what was cut short."""
        try:
            if self._exchange is not None:
                await self._exchange.abandon()
            else:
                await self._transaction.disconnected()
        except AnsweredError as error:
            logger.error("request %s: %s", self._transaction.head.request_id, error.message)


async def _pass_on(call: Call, message: ProcessingRequest) -> NoReturn:
    """Let Envoy's own answer go as it is.

    A body over the limit, say, is refused before it is shown here; the answer still is.
    """
    while True:
        headers = message.HasField("response_headers")
        await call.write(
            reply.CONTINUE_RESPONSE_HEADERS if headers else reply.CONTINUE_RESPONSE_BODY
        )
        message = await _next(call)


async def _next(call: Call) -> ProcessingRequest:
    return ProcessingRequest.FromString(await call.read())

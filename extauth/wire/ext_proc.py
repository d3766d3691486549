"""Inference: one ext_proc stream holds the whole request, from its headers to its last byte.

Envoy lets a request pass when this service closes a stream cleanly without an answer, so every
way out of here answers, or fails the call. That a route exists at all takes the cluster header,
which only `Upstream` sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from envoy.service.ext_proc.v3.external_processor_pb2 import ProcessingRequest

from extauth.gateway.step import Continue, Upstream
from extauth.wire import reply
from extauth.wire.head import request_head, response_head
from extauth.wire.http2 import CutError

if TYPE_CHECKING:
    from extauth.gateway.gateway import Gateway
    from extauth.gateway.request import Request
    from extauth.wire.http2 import Stream

PROCESS: Final = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"


class ExternalProcessor:
    """Serves `Process`. Shared by all streams of one event loop."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def process(self, stream: Stream) -> None:
        """Serve one stream. Returns once the request is answered, or Envoy gave it up."""
        try:
            message = await _next(stream)
            if message.HasField("request_headers"):
                await self._serve(stream, message)
            else:
                await _pass_on(stream, message)
        except CutError:
            return

    async def _serve(self, stream: Stream, message: ProcessingRequest) -> None:
        async def hold(seconds: float) -> None:
            await stream.write(reply.hold(seconds))

        head = request_head(message.request_headers.headers.headers)
        request = self._gateway.request(head, hold)
        try:
            while not await _STEPS[message.WhichOneof("request")](stream, request, message):
                message = await _next(stream)
        finally:
            request.close()


async def _headers(stream: Stream, request: Request, message: ProcessingRequest) -> bool:
    """Translate the head of the request; True when the request is over."""
    step = await request.headers(end=message.request_headers.end_of_stream)
    await stream.write(reply.to_headers(step))
    return not isinstance(step, Continue)


async def _body(stream: Stream, request: Request, message: ProcessingRequest) -> bool:
    """Translate the body of the request; True when the request is over."""
    step = await request.body(message.request_body.body)
    await stream.write(reply.to_body(step))
    return not isinstance(step, Upstream)


async def _answer_headers(stream: Stream, request: Request, message: ProcessingRequest) -> bool:
    """Translate the head of the backend's answer; True when the request is over."""
    part = message.response_headers
    status, headers = response_head(part.headers.headers)
    step = await request.answer_headers(status, headers, end=part.end_of_stream)
    await stream.write(reply.to_answer_headers(step))
    return not isinstance(step, Continue)


async def _answer_body(stream: Stream, request: Request, message: ProcessingRequest) -> bool:
    """Translate the backend's body, or all chunks of it; True when the request is over."""
    while True:
        part = message.response_body
        ended = part.end_of_stream
        step = await request.chunk(part.body, end=ended)
        if not isinstance(step, bytes):
            await stream.write(reply.to_answer_body(step))
            return not isinstance(step, Continue)
        await stream.write(reply.chunk(step))
        # Not before: Envoy would let the chunks that are left pass as they are.
        if ended:
            return True
        message = ProcessingRequest.FromString(await stream.read())


async def _trailers(_: Stream, __: Request, message: ProcessingRequest) -> bool:
    """Fail the call: Envoy is told to send none."""
    raise _unknown(message)


_STEPS: Final = {
    "request_headers": _headers,
    "request_body": _body,
    "response_headers": _answer_headers,
    "response_body": _answer_body,
    "request_trailers": _trailers,
    "response_trailers": _trailers,
}
"""The answer to each of Envoy's messages. Anything else fails the call."""


async def _pass_on(stream: Stream, message: ProcessingRequest) -> None:
    """Let Envoy's own answer go as it is, to a request that was never shown here.

    A request that has no route, say, is refused by itself; the answer still is shown.
    """
    while True:
        if message.HasField("response_headers"):
            await stream.write(reply.CONTINUE_RESPONSE_HEADERS)
        elif message.HasField("response_body"):
            await stream.write(reply.CONTINUE_RESPONSE_BODY)
        else:
            raise _unknown(message)
        message = await _next(stream)


def _unknown(message: ProcessingRequest) -> RuntimeError:
    return RuntimeError(f"Envoy sent {message.WhichOneof('request')} out of its place")


async def _next(stream: Stream) -> ProcessingRequest:
    return ProcessingRequest.FromString(await stream.read())

"""Envoy's side of both filters: its messages, over a real channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from envoy.config.core.v3.base_pb2 import HeaderMap, HeaderValue
from envoy.service.auth.v3.attribute_context_pb2 import AttributeContext
from envoy.service.auth.v3.external_auth_pb2 import CheckRequest, CheckResponse
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
    ProcessingResponse,
)

from extauth.types.headers import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from envoy.config.core.v3.base_pb2 import HeaderValueOption

    from extauth.types import RequestHead

PROCESSOR, AUTHORIZATION = "ext_proc.sock", "ext_authz.sock"
PROCESS = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
CHECK = "/envoy.service.auth.v3.Authorization/Check"
PATIENCE = 10.0
"""Seconds after which an answer will not come any more."""


def header_map(headers: Iterable[tuple[str, str]]) -> HeaderMap:
    """Headers as Envoy sends them to both filters: their bytes, never their text."""
    return HeaderMap(
        headers=[HeaderValue(key=name, raw_value=value.encode()) for name, value in headers]
    )


def seen(head: RequestHead) -> HeaderMap:
    """A request's headers after Envoy has added its own."""
    own = {"x-request-id": head.request_id, SOURCE: head.source_ip}
    return header_map({**head.headers, **own}.items())


def request_headers(head: RequestHead, *, end: bool = False) -> ProcessingRequest:
    """The first message of a request; `end` when it has no body."""
    return ProcessingRequest(request_headers=HttpHeaders(headers=seen(head), end_of_stream=end))


def request_body(body: bytes) -> ProcessingRequest:
    """The whole body of a request."""
    return ProcessingRequest(request_body=HttpBody(body=body, end_of_stream=True))


def response_headers(
    headers: Mapping[str, str], *, status: int = 200, end: bool = False
) -> ProcessingRequest:
    """The head of an answer."""
    head = header_map({":status": str(status), **headers}.items())
    return ProcessingRequest(response_headers=HttpHeaders(headers=head, end_of_stream=end))


def response_body(body: bytes, *, end: bool = True) -> ProcessingRequest:
    """A body of an answer, or a chunk of it."""
    return ProcessingRequest(response_body=HttpBody(body=body, end_of_stream=end))


def raw(headers: Iterable[HeaderValueOption]) -> dict[str, str]:
    """The headers that ext_proc sets: Envoy takes their bytes."""
    return {option.header.key: option.header.raw_value.decode() for option in headers}


def text(headers: Iterable[HeaderValueOption]) -> dict[str, str]:
    """The headers that ext_authz sets: Envoy takes their text."""
    return {option.header.key: option.header.value for option in headers}


class ProcessCall:
    """One ext_proc stream."""

    def __init__(self, call: grpc.aio.StreamStreamCall) -> None:
        self._call = call

    async def send(self, message: ProcessingRequest) -> None:
        """Say something without waiting for its answer."""
        await self._call.write(message)

    async def say(self, message: ProcessingRequest) -> ProcessingResponse:
        """Say something; its answer."""
        await self._call.write(message)
        answer = await self._call.read()
        assert answer is not grpc.aio.EOF
        return answer

    async def close(self) -> grpc.StatusCode:
        """Half-close, as Envoy does when a request is over; what the service ends with."""
        await self._call.done_writing()
        return await self.ended()

    async def ended(self) -> grpc.StatusCode:
        """Wait for the service to end the stream; what it ends with."""
        assert await self._call.read() is grpc.aio.EOF
        return await self._call.code()

    def cancel(self) -> None:
        """Reset the stream, as Envoy does when the client is gone."""
        self._call.cancel()


class Envoy:
    """A client of the sockets that Envoy's clusters point at."""

    def __init__(self, sockets: Path) -> None:
        self._streams = grpc.aio.insecure_channel(f"unix:{sockets / PROCESSOR}")
        self._checks = grpc.aio.insecure_channel(f"unix:{sockets / AUTHORIZATION}")
        self._process = self._streams.stream_stream(
            PROCESS,
            request_serializer=ProcessingRequest.SerializeToString,
            response_deserializer=ProcessingResponse.FromString,
        )
        self._check = self._checks.unary_unary(
            CHECK,
            request_serializer=CheckRequest.SerializeToString,
            response_deserializer=CheckResponse.FromString,
        )

    def process(self) -> ProcessCall:
        """Begin to process a request."""
        return ProcessCall(self._process(timeout=PATIENCE))

    def check(self, head: RequestHead) -> grpc.aio.UnaryUnaryCall:
        """Ask for one request by its head."""
        http = AttributeContext.HttpRequest(header_map=seen(head))
        attributes = AttributeContext(request=AttributeContext.Request(http=http))
        return self._check(CheckRequest(attributes=attributes), timeout=PATIENCE)

    async def close(self) -> None:
        """Close the channels; whatever they carry is reset."""
        await self._streams.close()
        await self._checks.close()

"""Our answers as ext_proc messages, serialised. Those that never change are so once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.core.v3.base_pb2 import HeaderValueOption
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    BodyResponse,
    HeaderMutation,
    HeadersResponse,
    ImmediateResponse,
    ProcessingResponse,
)
from envoy.type.v3.http_status_pb2 import HttpStatus

from extauth.backends import REPLACED_HEADERS
from extauth.clients import error_body, error_headers
from extauth.types.headers import CLUSTER, STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.errors import AnsweredError
    from extauth.gateway.dispatch import Dispatch
    from extauth.gateway.exchange import Answer
    from extauth.types import Api

Header = tuple[str, str]

_OVERWRITE = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD

CONTINUE_REQUEST_HEADERS = ProcessingResponse(request_headers=HeadersResponse()).SerializeToString()
CONTINUE_RESPONSE_BODY = ProcessingResponse(response_body=BodyResponse()).SerializeToString()
CONTINUE_RESPONSE_HEADERS = ProcessingResponse(
    response_headers=HeadersResponse()
).SerializeToString()

_STREAMED = ProcessingMode(
    request_header_mode=ProcessingMode.SEND,
    request_body_mode=ProcessingMode.BUFFERED,
    request_trailer_mode=ProcessingMode.SKIP,
    response_header_mode=ProcessingMode.SEND,
    response_body_mode=ProcessingMode.STREAMED,
    response_trailer_mode=ProcessingMode.SKIP,
)


def _set(mutation: HeaderMutation, headers: Iterable[Header]) -> None:
    """Headers in place of any of their names. Messages are filled in place: copies cost more."""
    for name, value in headers:
        option = mutation.set_headers.add(append_action=_OVERWRITE)
        option.header.key = name
        option.header.raw_value = value.encode()


def _serialised(message: ProcessingResponse) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def hold(seconds: float) -> bytes:
    """Have Envoy wait so much longer for the answer to its message."""
    message = ProcessingResponse()
    message.override_message_timeout.FromMilliseconds(int(seconds * 1000))
    return _serialised(message)


def send_upstream(dispatch: Dispatch) -> bytes:
    """Rewrite path and body, and name the cluster: only now does a route to it exist."""
    request = dispatch.request
    message = ProcessingResponse()
    response = message.request_body.response
    response.clear_route_cache = True
    response.body_mutation.body = request.body
    response.header_mutation.remove_headers.extend(REPLACED_HEADERS)
    headers = (
        (":path", request.path),
        (CLUSTER, dispatch.route.cluster),
        ("content-length", str(len(request.body))),
        *request.headers,
    )
    if request.streams:
        headers = (*headers, (STREAMS, "1"))
    _set(response.header_mutation, headers)
    return _serialised(message)


def open_stream(content_type: str, headers: Iterable[Header]) -> bytes:
    """Let the answer's headers go, and its body follow chunk by chunk."""
    message = ProcessingResponse(mode_override=_STREAMED)
    mutation = message.response_headers.response.header_mutation
    mutation.remove_headers.append("content-length")
    _set(mutation, (("content-type", content_type), *headers))
    return _serialised(message)


def answer(whole: Answer, headers: Iterable[Header]) -> bytes:
    """Replace the backend's whole answer."""
    message = ProcessingResponse()
    response = message.response_body.response
    response.body_mutation.body = whole.body
    length = ("content-length", str(len(whole.body)))
    _set(response.header_mutation, (*whole.headers, length, *headers))
    return _serialised(message)


def chunk(body: bytes) -> bytes:
    """Replace one chunk of a stream; empty holds it back."""
    message = ProcessingResponse()
    mutation = message.response_body.response.body_mutation
    if body:
        mutation.body = body
    else:
        mutation.clear_body = True
    return _serialised(message)


def refuse(api: Api, error: AnsweredError, headers: Iterable[Header] = ()) -> bytes:
    """Answer in the backend's place, in the shape of the API called."""
    message = ProcessingResponse(
        immediate_response=ImmediateResponse(
            status=HttpStatus(code=error.status),
            body=error_body(api, error),
            details=error.code,
        )
    )
    _set(message.immediate_response.headers, (*error_headers(error), *headers))
    return _serialised(message)

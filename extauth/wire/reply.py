"""A request's steps as ext_proc messages, serialised. Those that never change are so once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.core.v3.base_pb2 import HeaderValueOption
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    BodyResponse,
    HeaderMutation,
    HeadersResponse,
    ProcessingResponse,
)

from extauth.gateway.step import Continue, Refuse, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.gateway.step import Answer, Header

_OVERWRITE = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD

CONTINUE_REQUEST_HEADERS: bytes = ProcessingResponse(
    request_headers=HeadersResponse()
).SerializeToString()
CONTINUE_RESPONSE_BODY: bytes = ProcessingResponse(response_body=BodyResponse()).SerializeToString()
CONTINUE_RESPONSE_HEADERS: bytes = ProcessingResponse(
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


def to_headers(step: Continue | Refuse) -> bytes:
    """Answer Envoy's message of a request's head."""
    return CONTINUE_REQUEST_HEADERS if isinstance(step, Continue) else _immediate(step)


def to_body(step: Upstream | Answer | Refuse) -> bytes:
    """Answer Envoy's message of a request's body."""
    if not isinstance(step, Upstream):
        return _immediate(step)
    message = ProcessingResponse()
    response = message.request_body.response
    # Only now, with the cluster's header, is there a route.
    response.clear_route_cache = True
    response.body_mutation.body = step.body
    response.header_mutation.remove_headers.extend(step.removed)
    _set(response.header_mutation, step.headers)
    return _serialised(message)


def to_answer_headers(step: Continue | Answer | Refuse) -> bytes:
    """Answer Envoy's message of an answer's head."""
    if not isinstance(step, Continue):
        return _immediate(step)
    if not step.chunked:
        return CONTINUE_RESPONSE_HEADERS
    message = ProcessingResponse(mode_override=_STREAMED)
    mutation = message.response_headers.response.header_mutation
    mutation.remove_headers.append("content-length")
    _set(mutation, step.headers)
    return _serialised(message)


def to_answer_body(step: Continue | Answer | Refuse) -> bytes:
    """Answer Envoy's message of an answer's whole body."""
    if isinstance(step, Continue):
        return CONTINUE_RESPONSE_BODY
    if isinstance(step, Refuse):
        return _immediate(step)
    message = ProcessingResponse()
    response = message.response_body.response
    response.body_mutation.body = step.body
    _set(response.header_mutation, (*step.headers, ("content-length", str(len(step.body)))))
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


def hold(seconds: float) -> bytes:
    """Have Envoy wait so much longer for the answer to its message."""
    message = ProcessingResponse()
    message.override_message_timeout.FromMilliseconds(int(seconds * 1000))
    return _serialised(message)


def _immediate(step: Answer | Refuse) -> bytes:
    """Answer in the backend's place."""
    message = ProcessingResponse()
    response = message.immediate_response
    if isinstance(step, Refuse):
        response.status.code = step.status
        response.details = step.code
    else:
        response.status.code = 200
    response.body = step.body
    _set(response.headers, step.headers)
    return _serialised(message)


def _set(mutation: HeaderMutation, headers: Iterable[Header]) -> None:
    """Set headers in place of any of their names. Filled in place: copies cost more."""
    add = mutation.set_headers.add
    for name, value in headers:
        header = add(append_action=_OVERWRITE).header
        header.key = name
        header.raw_value = value.encode()


def _serialised(message: ProcessingResponse) -> bytes:
    data: bytes = message.SerializeToString()
    return data

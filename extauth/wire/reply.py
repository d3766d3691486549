"""Our answers as ext_proc messages. Those that never change are serialised once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    BodyMutation,
    BodyResponse,
    CommonResponse,
    HeaderMutation,
    HeadersResponse,
    ImmediateResponse,
    ProcessingResponse,
)
from envoy.type.v3.http_status_pb2 import HttpStatus

from extauth.headers import CLUSTER
from extauth.protocol import REPLACED_HEADERS, error_body, error_headers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.dispatch import Dispatch
    from extauth.errors import AnsweredError
    from extauth.exchange import Answer
    from extauth.types import Api

Header = tuple[str, str]

_OVERWRITE = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD

CONTINUE_REQUEST_HEADERS = ProcessingResponse(request_headers=HeadersResponse()).SerializeToString()
CONTINUE_RESPONSE_BODY = ProcessingResponse(response_body=BodyResponse()).SerializeToString()
CONTINUE_RESPONSE_HEADERS = ProcessingResponse(
    response_headers=HeadersResponse()
).SerializeToString()


def header(name: str, value: str) -> HeaderValueOption:
    """One header, in place of any of its name."""
    return HeaderValueOption(
        header=HeaderValue(key=name, raw_value=value.encode()), append_action=_OVERWRITE
    )


def _options(headers: Iterable[Header]) -> list[HeaderValueOption]:
    return [header(name, value) for name, value in headers]


def send_upstream(dispatch: Dispatch) -> ProcessingResponse:
    """Rewrite path and body, and name the cluster: only now does a route to it exist."""
    request = dispatch.request
    headers = [
        (":path", request.path),
        (CLUSTER, dispatch.route.cluster),
        ("content-length", str(len(request.body))),
        *request.headers,
    ]
    return ProcessingResponse(
        request_body=BodyResponse(
            response=CommonResponse(
                header_mutation=HeaderMutation(
                    set_headers=_options(headers), remove_headers=REPLACED_HEADERS
                ),
                body_mutation=BodyMutation(body=request.body),
                clear_route_cache=True,
            )
        )
    )


def open_stream(content_type: str, headers: Iterable[Header]) -> ProcessingResponse:
    """Let the answer's headers go, and its body follow chunk by chunk."""
    return ProcessingResponse(
        response_headers=HeadersResponse(
            response=CommonResponse(
                header_mutation=HeaderMutation(
                    set_headers=_options((("content-type", content_type), *headers)),
                    remove_headers=("content-length",),
                )
            )
        ),
        mode_override=ProcessingMode(
            request_header_mode=ProcessingMode.SEND,
            request_body_mode=ProcessingMode.BUFFERED,
            request_trailer_mode=ProcessingMode.SKIP,
            response_header_mode=ProcessingMode.SEND,
            response_body_mode=ProcessingMode.STREAMED,
            response_trailer_mode=ProcessingMode.SKIP,
        ),
    )


def answer(whole: Answer, headers: Iterable[Header]) -> ProcessingResponse:
    """Replace the backend's whole answer."""
    return ProcessingResponse(
        response_body=BodyResponse(
            response=CommonResponse(
                header_mutation=HeaderMutation(
                    set_headers=_options(
                        (
                            *whole.headers,
                            ("content-length", str(len(whole.body))),
                            *headers,
                        )
                    ),
                ),
                body_mutation=BodyMutation(body=whole.body),
            )
        )
    )


def chunk(body: bytes) -> ProcessingResponse:
    """Replace one chunk of a stream; empty holds it back."""
    mutation = BodyMutation(body=body) if body else BodyMutation(clear_body=True)
    return ProcessingResponse(
        response_body=BodyResponse(response=CommonResponse(body_mutation=mutation))
    )


def refuse(api: Api, error: AnsweredError, headers: Iterable[Header] = ()) -> ProcessingResponse:
    """Answer in the backend's place, in the shape of the API called."""
    return ProcessingResponse(
        immediate_response=ImmediateResponse(
            status=HttpStatus(code=error.status),
            headers=HeaderMutation(set_headers=_options((*error_headers(error), *headers))),
            body=error_body(api, error),
            details=error.code,
        )
    )

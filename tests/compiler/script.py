"""What the stand-ins around Envoy do with a request, and what they saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.auth.v3.external_auth_pb2 import (
    CheckRequest,
    CheckResponse,
    DeniedHttpResponse,
    OkHttpResponse,
)
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    BodyMutation,
    BodyResponse,
    CommonResponse,
    HeaderMutation,
    HeadersResponse,
    ProcessingRequest,
    ProcessingResponse,
)
from envoy.type.v3.http_status_pb2 import HttpStatus
from google.rpc.status_pb2 import Status

from extauth.types.headers import CLUSTER, STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.compiler.edge import Handler

    Process = Callable[[Iterator[ProcessingRequest]], Iterator[ProcessingResponse]]
    Check = Callable[[CheckRequest], CheckResponse]
    Answer = Callable[[Handler], None]

CHAT = "/v1/chat/completions"
GENERATE = "/v2/models/chat/versions/2/generate"
STREAM = "/v2/models/chat/versions/2/generate_stream"

_OVERWRITE = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD


@dataclass(frozen=True, slots=True)
class Served:
    """A request that got through to a server behind Envoy."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Script:
    """What the stand-ins do, and what they saw."""

    process: Process
    check: Check
    answer: Answer
    served: list[Served] = field(default_factory=list)
    portal: list[Served] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    checked: list[list[tuple[str, str]]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


def decide(
    path: str = GENERATE,
    body: bytes = b"rewritten",
    *,
    cluster: str | None = "triton",
    headers: Mapping[str, str] | None = None,
) -> Process:
    """An inference decision that serves the request; it lets event streams through in pieces."""

    def process(messages: Iterator[ProcessingRequest]) -> Iterator[ProcessingResponse]:
        for message in messages:
            kind = message.WhichOneof("request")
            if kind == "request_headers":
                yield ProcessingResponse(request_headers=HeadersResponse())
            elif kind == "request_body":
                changes = {":path": path, "content-length": str(len(body)), **(headers or {})}
                if cluster is not None:
                    changes[CLUSTER] = cluster
                if path == STREAM:
                    changes[STREAMS] = "1"
                yield rewrite(changes, body)
            elif kind == "response_headers":
                kinds = [h.raw_value for h in message.response_headers.headers.headers]
                yield streamed() if b"text/event-stream" in kinds else _HEADERS
            else:
                yield ProcessingResponse(response_body=BodyResponse())

    return process


def rewrite(headers: Mapping[str, str], body: bytes) -> ProcessingResponse:
    """Change a request as its body is in, and choose its route anew."""
    return ProcessingResponse(
        request_body=BodyResponse(
            response=CommonResponse(
                header_mutation=HeaderMutation(
                    set_headers=[
                        HeaderValueOption(
                            header=HeaderValue(key=name, raw_value=value.encode()),
                            append_action=_OVERWRITE,
                        )
                        for name, value in headers.items()
                    ]
                ),
                body_mutation=BodyMutation(body=body),
                clear_route_cache=True,
            )
        )
    )


def streamed() -> ProcessingResponse:
    """Let an answer's headers go, and ask for its body in pieces."""
    return ProcessingResponse(
        response_headers=HeadersResponse(),
        mode_override=ProcessingMode(
            request_header_mode=ProcessingMode.SEND,
            request_body_mode=ProcessingMode.BUFFERED,
            request_trailer_mode=ProcessingMode.SKIP,
            response_header_mode=ProcessingMode.SEND,
            response_body_mode=ProcessingMode.STREAMED,
            response_trailer_mode=ProcessingMode.SKIP,
        ),
    )


def allow(headers: Mapping[str, str]) -> Check:
    """Let a request without a body pass, with these headers set."""
    response = CheckResponse(
        status=Status(code=0), ok_response=OkHttpResponse(headers=_options(headers))
    )
    return lambda _: response


def deny(status: int, body: str) -> Check:
    """Refuse a request without a body."""
    response = CheckResponse(
        status=Status(code=7),
        denied_response=DeniedHttpResponse(
            status=HttpStatus(code=status),  # type: ignore[arg-type] # the enum is of ints
            headers=_options({"content-type": "application/json"}),
            body=body,
        ),
    )
    return lambda _: response


_HEADERS = ProcessingResponse(response_headers=HeadersResponse())


def _options(headers: Mapping[str, str]) -> list[HeaderValueOption]:
    return [
        HeaderValueOption(header=HeaderValue(key=name, value=value), append_action=_OVERWRITE)
        for name, value in headers.items()
    ]

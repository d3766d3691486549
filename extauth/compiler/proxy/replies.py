"""Envoy's own answers, in the shape of the API called and without a word about Envoy.

A refusal by this gateway's own service is a local reply to Envoy as well, and passes untouched: it
alone has a `content-type` already.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from envoy_data_plane.envoy.config.accesslog.v3 import (
    AccessLogFilter,
    AndFilter,
    ComparisonFilter,
    ComparisonFilterOp,
    ExtensionFilter,
    HeaderFilter,
    StatusCodeFilter,
)
from envoy_data_plane.envoy.config.core.v3 import (
    DataSource,
    RuntimeUInt32,
    SubstitutionFormatString,
)
from envoy_data_plane.envoy.config.route.v3 import HeaderMatcher
from envoy_data_plane.envoy.extensions.access_loggers.filters.cel.v3 import ExpressionFilter
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    LocalReplyConfig,
    ResponseMapper,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any

from extauth.backends.backend import CERTIFICATE_NOT_VERIFIED
from extauth.compiler.proxy.headers import overwrite
from extauth.errors import STATUSES
from extauth.types.headers import ORIGINAL_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Reply(NamedTuple):
    """An answer in place of Envoy's words on a range of statuses; `status` replaces it, if set.

    With `failure` only where a connection to a server failed with that word in the reason.
    """

    at_least: int
    below: int
    code: str
    message: str
    status: int | None = None
    failure: str | None = None


_REPLIES = (
    _Reply(
        500,
        600,
        "backend_certificate",
        CERTIFICATE_NOT_VERIFIED,
        502,
        failure="CERTIFICATE_VERIFY_FAILED",
    ),
    _Reply(404, 405, "not_found", "There is nothing at this path."),
    _Reply(408, 409, "request_timeout", "The request took too long to arrive."),
    _Reply(413, 414, "request_too_large", "The request body is too large."),
    _Reply(431, 432, "headers_too_large", "The request headers are too large."),
    _Reply(429, 430, "overloaded", "The gateway is busy."),
    _Reply(504, 505, "timeout", "The answer took too long."),
    _Reply(500, 600, "unavailable", "The gateway can't serve this request now.", 503),
    _Reply(0, 600, "invalid_request", "The request is malformed."),
)


def local_replies() -> LocalReplyConfig:
    """A mapper for every status that Envoy may come up with, in each API's shape."""
    mappers = [_mapper(reply, kserve=kserve) for reply in _REPLIES for kserve in (True, False)]
    return LocalReplyConfig(mappers=mappers)


def _mapper(reply: _Reply, *, kserve: bool) -> ResponseMapper:
    filters = [_cel("!('content-type' in response.headers)"), *_status(reply)]
    if reply.failure is not None:
        filters.append(_cel(f"upstream.transport_failure_reason.contains('{reply.failure}')"))
    if kserve:
        filters.append(
            AccessLogFilter(
                header_filter=HeaderFilter(
                    header=HeaderMatcher(
                        name=ORIGINAL_PATH, string_match=StringMatcher(prefix="/v2")
                    )
                )
            )
        )
    return ResponseMapper(
        filter=AccessLogFilter(and_filter=AndFilter(filters=filters)),
        status_code=reply.status,
        body_format_override=SubstitutionFormatString(
            text_format_source=DataSource(inline_string=_body(reply, kserve=kserve)),
            content_type="application/json",
        ),
        headers_to_add=[overwrite("retry-after", "1")] if reply.status == 503 else [],
    )


def _body(reply: _Reply, *, kserve: bool) -> str:
    if kserve:
        return json.dumps({"error": reply.message})
    row = STATUSES.get(reply.status or reply.at_least, STATUSES[400])
    error = {
        "message": reply.message,
        "type": row.openai_type,
        "param": None,
        "code": reply.code,
    }
    return json.dumps({"error": error})


def _status(reply: _Reply) -> Iterator[AccessLogFilter]:
    yield _compare(ComparisonFilterOp.GE, reply.at_least)
    yield _compare(ComparisonFilterOp.LE, reply.below - 1)


def _compare(op: ComparisonFilterOp, value: int) -> AccessLogFilter:
    return AccessLogFilter(
        status_code_filter=StatusCodeFilter(
            comparison=ComparisonFilter(
                op=op, value=RuntimeUInt32(default_value=value, runtime_key="sluice.unset")
            )
        )
    )


def _cel(expression: str) -> AccessLogFilter:
    return AccessLogFilter(
        extension_filter=ExtensionFilter(
            name="envoy.access_loggers.extension_filters.cel",
            typed_config=Any.pack(ExpressionFilter(expression=expression)),
        )
    )

"""Envoy's listener: the edge settings, in front of the filters."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from envoy_data_plane.envoy.config.accesslog.v3 import AccessLog
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    HttpProtocolOptions,
    HttpProtocolOptionsHeadersWithUnderscoresAction,
    JsonFormatOptions,
    SocketAddress,
    SubstitutionFormatString,
)
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.extensions.access_loggers.file.v3 import FileAccessLog
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpConnectionManagerPathWithEscapedSlashesAction,
    HttpConnectionManagerServerHeaderTransformation,
)
from envoy_data_plane.google.protobuf import Any, Struct, Value

from extauth.compiler.envoy_file import ACCESS_LOG
from extauth.compiler.proxy.filters import http_filters
from extauth.compiler.proxy.headers import strip_clients
from extauth.compiler.proxy.replies import local_replies
from extauth.compiler.proxy.routes import route_configuration
from extauth.types.headers import ORIGINAL_PATH

if TYPE_CHECKING:
    from extauth.settings import Overrides, Settings

NAME = "gateway"

_ACCESS_LOG_FIELDS = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "request_id": "%REQ(X-REQUEST-ID):64%",
    "source": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "method": "%REQ(:METHOD):16%",
    "path": f"%REQ({ORIGINAL_PATH}):512%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "route": "%ROUTE_NAME%",
    "cluster": "%UPSTREAM_CLUSTER_RAW%",
    "duration_ms": "%DURATION%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
}
"""Neither query nor headers nor body: what they hold is the client's. What is long is cut."""


def listener(settings: Settings, overrides: Overrides) -> Listener:
    """The one place where clients connect."""
    port = overrides.listener_port or settings.listener.port
    return Listener(
        name=NAME,
        address=Address(
            socket_address=SocketAddress(address=settings.listener.address, port_value=port)
        ),
        per_connection_buffer_limit_bytes=_buffered(settings),
        filter_chains=[
            FilterChain(
                filters=[
                    Filter(
                        name="envoy.filters.network.http_connection_manager",
                        typed_config=Any.pack(_connection_manager(settings)),
                    )
                ]
            )
        ],
    )


def _connection_manager(settings: Settings) -> HttpConnectionManager:
    limits = settings.limits
    buffered = _buffered(settings)
    return HttpConnectionManager(
        stat_prefix=NAME,
        route_config=route_configuration(settings),
        http_filters=list(http_filters(settings)),
        early_header_mutation_extensions=[strip_clients()],
        use_remote_address=True,
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action=(
            HttpConnectionManagerPathWithEscapedSlashesAction.REJECT_REQUEST
        ),
        generate_request_id=True,
        always_set_request_id_in_response=True,
        server_name="sluice",
        server_header_transformation=HttpConnectionManagerServerHeaderTransformation.OVERWRITE,
        max_request_headers_kb=-(-limits.header_bytes // 1024),
        request_headers_timeout=timedelta(seconds=10),
        request_timeout=timedelta(seconds=limits.request_timeout),
        stream_idle_timeout=timedelta(seconds=limits.stream_idle_timeout),
        common_http_protocol_options=HttpProtocolOptions(
            idle_timeout=timedelta(hours=1),
            headers_with_underscores_action=(
                HttpProtocolOptionsHeadersWithUnderscoresAction.REJECT_REQUEST
            ),
        ),
        http_protocol_options=Http1ProtocolOptions(accept_http_10=False),
        http2_protocol_options=Http2ProtocolOptions(
            max_concurrent_streams=100,
            # Over HTTP/2 a stream's window is also the bound on what is buffered of it.
            initial_stream_window_size=buffered,
            initial_connection_window_size=buffered,
        ),
        local_reply_config=local_replies(),
        access_log=[_access_log()],
    )


def _buffered(settings: Settings) -> int:
    """Envoy has one bound for requests and answers; routes hold requests to their own."""
    smallest_window = 65535
    return max(settings.limits.request_body, settings.limits.response_body, smallest_window)


def _access_log() -> AccessLog:
    fields = {name: Value(string_value=text) for name, text in _ACCESS_LOG_FIELDS.items()}
    return AccessLog(
        name="envoy.access_loggers.file",
        typed_config=Any.pack(
            FileAccessLog(
                path=ACCESS_LOG,
                log_format=SubstitutionFormatString(
                    json_format=Struct(fields=fields),
                    json_format_options=JsonFormatOptions(sort_properties=False),
                ),
            )
        ),
    )

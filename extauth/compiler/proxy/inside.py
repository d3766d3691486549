"""The service's own way to model servers: Envoy has their addresses, TLS and credentials."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.core.v3 import Address, Pipe
from envoy_data_plane.envoy.config.listener.v3 import Filter, FilterChain, Listener
from envoy_data_plane.envoy.config.route.v3 import (
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import (
    HttpConnectionManager,
    HttpFilter,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher
from envoy_data_plane.google.protobuf import Any

from extauth.compiler.proxy import paths
from extauth.compiler.proxy.headers import method, present
from extauth.network.sockets import backends_socket
from extauth.types.headers import METADATA_CLUSTER

_NAME = "inside"
_TIMEOUT = timedelta(seconds=5)
_OWNER_ONLY = 0o600


def inside() -> Listener:
    """Return a listener on a unix socket that passes questions about health on, and no others.

    A request names the cluster in `METADATA_CLUSTER`, as a decided one of a client's does.
    """
    manager = HttpConnectionManager(
        stat_prefix=_NAME,
        route_config=RouteConfiguration(
            name=_NAME,
            virtual_hosts=[
                VirtualHost(
                    name=_NAME,
                    domains=["*"],
                    routes=[
                        Route(
                            name="health",
                            match=RouteMatch(
                                safe_regex=RegexMatcher(regex=paths.HEALTH),
                                headers=[method("GET"), present(METADATA_CLUSTER)],
                            ),
                            route=RouteAction(cluster_header=METADATA_CLUSTER, timeout=_TIMEOUT),
                            request_headers_to_remove=[METADATA_CLUSTER],
                        )
                    ],
                )
            ],
        ),
        http_filters=[
            HttpFilter(
                name="envoy.filters.http.router",
                typed_config=Any.pack(Router(suppress_envoy_headers=True)),
            )
        ],
    )
    return Listener(
        name=_NAME,
        address=Address(pipe=Pipe(path=str(backends_socket()), mode=_OWNER_ONLY)),
        filter_chains=[
            FilterChain(
                filters=[
                    Filter(
                        name="envoy.filters.network.http_connection_manager",
                        typed_config=Any.pack(manager),
                    )
                ]
            )
        ],
    )

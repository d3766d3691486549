"""Envoy's routes, first match first. A route to a model server needs a header that is ours alone.

Should a filter be skipped, closed or misconfigured, a request meets no such route. And since
each such route runs the filter that alone may set its header, to carry one is not enough either.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from envoy_data_plane.envoy.config.route.v3 import (
    DirectResponseAction,
    HeaderMatcher,
    RetryPolicy,
    Route,
    RouteAction,
    RouteConfiguration,
    RouteMatch,
    VirtualHost,
)
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher
from envoy_data_plane.envoy.type.v3 import Int64Range

from extauth.compiler.backends import PORTAL
from extauth.compiler.proxy import paths
from extauth.compiler.proxy.balancing import route_retries
from extauth.compiler.proxy.filters import inference_filters, no_filters
from extauth.compiler.proxy.headers import CREDENTIALS, ORIGINS, method, present
from extauth.types.headers import CLUSTER, JWT, METADATA_CLUSTER, PRINCIPAL, SOURCE, STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.settings import Limits, Settings

_NEVER = timedelta(0)
_INT64_MAX = (1 << 63) - 1


def route_configuration(settings: Settings) -> RouteConfiguration:
    """The whole table, for any host name."""
    limits = settings.limits
    return RouteConfiguration(
        name="gateway",
        virtual_hosts=[
            VirtualHost(
                name="gateway",
                domains=["*"],
                routes=[
                    *_decided_inference(settings),
                    _too_large(limits),
                    _undecided_inference(),
                    _decided_metadata(limits),
                    _portal(limits, route_retries() if settings.workers > 1 else None),
                    _anything_else(),
                ],
            )
        ],
    )


def _too_large(limits: Limits) -> Route:
    """Envoy has one bound for requests and answers, the larger: a request's own is a route.

    A body of unknown length meets Envoy's bound, and then the service's.
    """
    declared = HeaderMatcher(
        name="content-length",
        range_match=Int64Range(start=limits.request_body + 1, end=_INT64_MAX),
    )
    return Route(
        name="too-large",
        match=RouteMatch(prefix="/", headers=[declared]),
        direct_response=DirectResponseAction(status=413),
        typed_per_filter_config=no_filters(),
    )


def _decided_inference(settings: Settings) -> Iterator[Route]:
    """To the cluster that an inference decision named, by the path that its backend wrote."""
    limits, backends = settings.limits, settings.backends.values()
    streamed = _to_model_server(
        timeout=_NEVER, idle_timeout=timedelta(seconds=limits.stream_idle_timeout)
    )
    plain = _to_model_server(timeout=timedelta(seconds=limits.request_timeout), idle_timeout=_NEVER)
    ways = (
        ("inference-streamed", streamed, [method("POST"), present(CLUSTER), present(STREAMS)]),
        ("inference-plain", plain, [method("POST"), present(CLUSTER)]),
    )
    for name, action, headers in ways:
        matches = {
            f"{name}:{path}": RouteMatch(path=path, headers=headers)
            for path in paths.openai(backends)
        }
        if any(backend.kind == "triton" for backend in backends):
            matches = {name: _match(paths.TRITON, *headers), **matches}
        for named, match in matches.items():
            yield Route(
                name=named,
                match=match,
                route=action,
                request_headers_to_remove=[*_PRIVATE, *ORIGINS],
                typed_per_filter_config=inference_filters(),
            )


def _undecided_inference() -> Route:
    """Return the route where inference starts; nothing is served unless a decision moves it."""
    return Route(
        name="inference",
        match=_match(paths.INFERENCE),
        direct_response=DirectResponseAction(status=503),
        typed_per_filter_config=inference_filters(),
    )


def _decided_metadata(limits: Limits) -> Route:
    return Route(
        name="metadata",
        match=_match(paths.METADATA, method("GET"), present(METADATA_CLUSTER)),
        route=RouteAction(
            cluster_header=METADATA_CLUSTER, timeout=timedelta(seconds=limits.request_timeout)
        ),
        request_headers_to_remove=_PRIVATE,
    )


def _portal(limits: Limits, retries: RetryPolicy | None) -> Route:
    return Route(
        name="portal",
        match=_match(paths.PORTAL, method("GET"), present(PRINCIPAL)),
        route=RouteAction(
            cluster=PORTAL,
            timeout=timedelta(seconds=limits.request_timeout),
            retry_policy=retries,
        ),
        request_headers_to_remove=[*CREDENTIALS, CLUSTER, JWT, METADATA_CLUSTER],
    )


def _anything_else() -> Route:
    """Answered by the service while it authorises; what it lets pass exists nowhere."""
    return Route(
        name="other",
        match=RouteMatch(prefix="/"),
        direct_response=DirectResponseAction(status=404),
    )


def _to_model_server(*, timeout: timedelta, idle_timeout: timedelta) -> RouteAction:
    return RouteAction(
        cluster_header=CLUSTER,
        timeout=timeout,
        idle_timeout=idle_timeout,
        # Servers by name are told their own; one by its address has none, and none is set.
        auto_host_rewrite=True,
    )


def _match(path: str, *headers: HeaderMatcher) -> RouteMatch:
    return RouteMatch(safe_regex=RegexMatcher(regex=path), headers=list(headers))


_PRIVATE = [*CREDENTIALS, CLUSTER, JWT, METADATA_CLUSTER, PRINCIPAL, SOURCE, STREAMS]

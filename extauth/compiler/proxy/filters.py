"""Envoy's HTTP filters, in their order, and which of them a route runs.

ext_authz runs unless a route says otherwise. ext_proc runs where an inference route says so: Envoy
would also show it the answers to requests too malformed to have a route.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from envoy_data_plane.envoy.config.common.mutation_rules.v3 import HeaderMutationRules
from envoy_data_plane.envoy.config.core.v3 import (
    ApiVersion,
    DataSource,
    GrpcService,
    GrpcServiceEnvoyGrpc,
    HttpUri,
    RetryPolicy,
)
from envoy_data_plane.envoy.config.route.v3 import FilterConfig, RouteMatch
from envoy_data_plane.envoy.extensions.filters.http.ext_authz.v3 import ExtAuthz
from envoy_data_plane.envoy.extensions.filters.http.ext_proc.v3 import (
    ExternalProcessor,
    ExtProcOverrides,
    ExtProcPerRoute,
    ProcessingMode,
    ProcessingModeBodySendMode,
    ProcessingModeHeaderSendMode,
)
from envoy_data_plane.envoy.extensions.filters.http.jwt_authn.v3 import (
    JwksAsyncFetch,
    JwtAuthentication,
    JwtHeader,
    JwtProvider,
    JwtRequirement,
    JwtRequirementOrList,
    RemoteJwks,
    RequirementRule,
)
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpFilter
from envoy_data_plane.envoy.type.matcher.v3 import RegexMatcher
from envoy_data_plane.envoy.type.v3 import HttpStatus, StatusCode
from envoy_data_plane.google.protobuf import Any, Empty

from extauth.compiler.backends import AUTHORIZATION, PROCESSOR, jwks_cluster
from extauth.compiler.proxy.balancing import stream_retries
from extauth.types.headers import (
    CLUSTER,
    JWT,
    METADATA_CLUSTER,
    ORIGINAL_PATH,
    PRINCIPAL,
    SOURCE,
    STREAMS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.settings import Jwt, Settings

JWT_AUTHN = "envoy.filters.http.jwt_authn"
EXT_AUTHZ = "envoy.filters.http.ext_authz"
EXT_PROC = "envoy.filters.http.ext_proc"
ROUTER = "envoy.filters.http.router"

_UNAVAILABLE = HttpStatus(code=StatusCode.ServiceUnavailable)

STREAM_MODE = ProcessingMode(
    request_header_mode=ProcessingModeHeaderSendMode.SEND,
    request_body_mode=ProcessingModeBodySendMode.BUFFERED,
    request_trailer_mode=ProcessingModeHeaderSendMode.SKIP,
    response_header_mode=ProcessingModeHeaderSendMode.SEND,
    response_body_mode=ProcessingModeBodySendMode.STREAMED,
    response_trailer_mode=ProcessingModeHeaderSendMode.SKIP,
)
"""The only change that the service may make on its way: an event stream passes chunk by chunk."""


def http_filters(settings: Settings) -> Iterator[HttpFilter]:
    """The chain: who, then may they, then the body, then out."""
    if settings.identity.jwt:
        yield _filter(JWT_AUTHN, _jwt_authn(settings.identity.jwt))
    timeout = message_timeout(settings)
    longest = timeout + timedelta(seconds=settings.limits.request_timeout)
    retries = stream_retries() if settings.workers > 1 else None
    authorization = _service(AUTHORIZATION, timeout, retries)
    yield _filter(EXT_AUTHZ, _ext_authz(authorization))
    processor = _ext_proc(_service(PROCESSOR, None, retries), timeout, longest)
    yield HttpFilter(name=EXT_PROC, typed_config=processor, disabled=True)
    yield _filter(ROUTER, Any.pack(Router(suppress_envoy_headers=True)))


def no_filters() -> dict[str, Any]:
    """For a route that answers a request that nobody needs to look at."""
    return {EXT_AUTHZ: Any.pack(FilterConfig(disabled=True))}


def inference_filters() -> dict[str, Any]:
    """For routes whose body matters: ext_proc alone decides, on the whole request."""
    enabled = ExtProcPerRoute(overrides=ExtProcOverrides())
    return {**no_filters(), EXT_PROC: Any.pack(FilterConfig(config=Any.pack(enabled)))}


def message_timeout(settings: Settings) -> timedelta:
    """Return the longest time that the service may take over one message.

    Two decisions, reading a whole body, and asking everybody else once.
    """
    asked = (*settings.detectors.values(), *settings.classifiers.values())
    asking = sum(service.timeout for service in asked)
    return timedelta(seconds=settings.policy.timeout * 2 + 5 + asking)


def _filter(name: str, config: Any) -> HttpFilter:
    return HttpFilter(name=name, typed_config=config)


def _service(cluster: str, timeout: timedelta | None, retries: RetryPolicy | None) -> GrpcService:
    return GrpcService(
        envoy_grpc=GrpcServiceEnvoyGrpc(cluster_name=cluster, skip_envoy_headers=True),
        timeout=timeout,
        retry_policy=retries,
    )


def _without(*names: str) -> HeaderMutationRules:
    """Any header may change but these, the host and the method."""
    return HeaderMutationRules(
        # The router's timeout of one request is such a header.
        allow_envoy=True,
        disallow_expression=RegexMatcher(regex="|".join(names)),
        disallow_is_error=True,
    )


def _ext_authz(service: GrpcService) -> Any:
    return Any.pack(
        ExtAuthz(
            grpc_service=service,
            transport_api_version=ApiVersion.V3,
            failure_mode_allow=False,
            status_on_error=_UNAVAILABLE,
            validate_mutations=True,
            # Of a header that is there twice, its plain form shows the last one only.
            encode_raw_headers=True,
            include_peer_certificate=False,
            clear_route_cache=True,
            decoder_header_mutation_rules=_without(CLUSTER, JWT, ORIGINAL_PATH, SOURCE, STREAMS),
        )
    )


def _ext_proc(service: GrpcService, timeout: timedelta, longest: timedelta) -> Any:
    return Any.pack(
        ExternalProcessor(
            # The stream lives as long as the request; each of its messages has a timeout.
            grpc_service=service,
            failure_mode_allow=False,
            status_on_error=_UNAVAILABLE,
            message_timeout=timeout,
            # A request may wait in line for as long as it may take altogether.
            max_message_timeout=longest,
            processing_mode=ProcessingMode(
                # Skipped headers would run ahead to the router before the body was seen.
                request_header_mode=ProcessingModeHeaderSendMode.SEND,
                request_body_mode=ProcessingModeBodySendMode.BUFFERED,
                request_trailer_mode=ProcessingModeHeaderSendMode.SKIP,
                response_header_mode=ProcessingModeHeaderSendMode.SEND,
                response_body_mode=ProcessingModeBodySendMode.BUFFERED,
                response_trailer_mode=ProcessingModeHeaderSendMode.SKIP,
            ),
            allow_mode_override=True,
            allowed_override_modes=[STREAM_MODE],
            mutation_rules=_without(JWT, METADATA_CLUSTER, ORIGINAL_PATH, PRINCIPAL, SOURCE),
        )
    )


def _jwt_authn(issuers: tuple[Jwt, ...]) -> Any:
    # A token that fails only lacks its payload: the service refuses it in the API's own shape.
    requirement = JwtRequirement(
        requires_any=JwtRequirementOrList(
            requirements=[
                *(JwtRequirement(provider_name=issuer.name) for issuer in issuers),
                JwtRequirement(allow_missing_or_failed=Empty()),
            ]
        )
    )
    return Any.pack(
        JwtAuthentication(
            providers={issuer.name: _provider(issuer) for issuer in issuers},
            rules=[RequirementRule(match=RouteMatch(prefix="/"), requires=requirement)],
        )
    )


def _provider(issuer: Jwt) -> JwtProvider:
    local = remote = None
    if issuer.jwks_url is None:
        local = DataSource(inline_string=issuer.jwks)
    else:
        remote = RemoteJwks(
            http_uri=HttpUri(
                uri=issuer.jwks_url, cluster=jwks_cluster(issuer.name), timeout=timedelta(seconds=5)
            ),
            cache_duration=timedelta(minutes=10),
            async_fetch=JwksAsyncFetch(fast_listener=True),
        )
    return JwtProvider(
        issuer=issuer.issuer,
        audiences=list(issuer.audiences),
        require_expiration=True,
        local_jwks=local,
        remote_jwks=remote,
        forward=True,
        # Named here, so that no query parameter is one: a URL ends up in logs.
        from_headers=[JwtHeader(name="authorization", value_prefix="Bearer ")],
        forward_payload_header=JWT,
    )

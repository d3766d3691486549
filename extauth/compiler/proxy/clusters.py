"""Envoy's clusters: this gateway's own service, its portal, every backend, every key server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    Cluster,
    ClusterDiscoveryType,
    ClusterDnsLookupFamily,
    ClusterLbPolicy,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    DataSource,
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    HttpProtocolOptions,
    Pipe,
    SocketAddress,
    TransportSocket,
)
from envoy_data_plane.envoy.config.endpoint.v3 import (
    ClusterLoadAssignment,
    Endpoint,
    LbEndpoint,
    LocalityLbEndpoints,
)
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
    UpstreamTlsContext,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptions as ProtocolOptions,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptionsExplicitHttpConfig as Explicit,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.google.protobuf import Any

from extauth.compiler.backends import AUTHORIZATION, PORTAL, PROCESSOR, jwks_cluster
from extauth.compiler.proxy.balancing import DEAD
from extauth.compiler.proxy.credentials import injecting
from extauth.compiler.url import Origin, trusted_authorities
from extauth.network.sockets import authorization_socket, portal_socket, processor_socket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.settings import BackendSettings, Overrides, Settings

_CONNECT_TIMEOUT = timedelta(seconds=2)
_KEEP_ALIVE = timedelta(seconds=30)
# What may be under way is bounded by the listener and the policy, not here.
_UNBOUNDED = 1 << 20


def clusters(settings: Settings, overrides: Overrides) -> Iterator[Cluster]:
    """All clusters. Raises ConfigurationError for TLS on a machine without trusted authorities."""
    workers = settings.workers
    for name, socket, http2 in (
        (PROCESSOR, processor_socket, True),
        (AUTHORIZATION, authorization_socket, True),
        (PORTAL, portal_socket, False),
    ):
        pipes = [_pipe(socket(one, workers)) for one in range(workers)]
        yield _cluster(name, *pipes, http2=http2)
    for backend in settings.backends.values():
        origin = (
            Origin.parse(backend.url)
            if backend.url is not None
            else Origin("127.0.0.1", overrides.triton_http_port)
        )
        yield _remote(backend.cluster, origin, backend)
    for issuer in settings.identity.jwt:
        if issuer.jwks_url is not None:
            yield _remote(jwks_cluster(issuer.name), Origin.parse(issuer.jwks_url))


def _remote(name: str, origin: Origin, backend: BackendSettings | None = None) -> Cluster:
    address = Address(socket_address=SocketAddress(address=origin.host, port_value=origin.port))
    ca_file = backend.ca_file if backend else None
    credential = backend.credential_file if backend else None
    return _cluster(
        name,
        address,
        discovery=ClusterDiscoveryType.STATIC
        if origin.numeric
        else ClusterDiscoveryType.STRICT_DNS,
        transport=_tls(origin, ca_file) if origin.tls else None,
        hostname=origin.authority if backend is not None and backend.kind == "openai" else "",
        credential=credential,
    )


def _cluster(
    name: str,
    *addresses: Address,
    http2: bool = False,
    discovery: ClusterDiscoveryType = ClusterDiscoveryType.STATIC,
    transport: TransportSocket | None = None,
    hostname: str = "",
    credential: str | None = None,
) -> Cluster:
    explicit = (
        Explicit(http2_protocol_options=Http2ProtocolOptions())
        if http2
        else Explicit(http_protocol_options=Http1ProtocolOptions())
    )
    protocol = ProtocolOptions(
        common_http_protocol_options=HttpProtocolOptions(
            # A long-lived stream to our own service is never idle for a reason.
            idle_timeout=None if http2 else _KEEP_ALIVE
        ),
        explicit_http_config=explicit,
        http_filters=injecting(credential) if credential is not None else [],
    )
    several = len(addresses) > 1
    return Cluster(
        name=name,
        type=discovery,
        connect_timeout=_CONNECT_TIMEOUT,
        # A name of both families, `localhost` among them, is often served by the older one alone.
        dns_lookup_family=ClusterDnsLookupFamily.V4_PREFERRED
        if discovery is ClusterDiscoveryType.STRICT_DNS
        else ClusterDnsLookupFamily.AUTO,
        load_assignment=ClusterLoadAssignment(
            cluster_name=name,
            endpoints=[
                LocalityLbEndpoints(
                    lb_endpoints=[
                        LbEndpoint(endpoint=Endpoint(address=address, hostname=hostname))
                        for address in addresses
                    ]
                )
            ],
        ),
        circuit_breakers=CircuitBreakers(
            thresholds=[
                CircuitBreakersThresholds(
                    max_connections=_UNBOUNDED,
                    max_pending_requests=_UNBOUNDED,
                    max_requests=_UNBOUNDED,
                    max_retries=_UNBOUNDED if several else None,
                )
            ]
        ),
        typed_extension_protocol_options={
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": Any.pack(protocol)
        },
        transport_socket=transport,
        # One that hangs gathers requests, so it gets no more of them.
        lb_policy=ClusterLbPolicy.LEAST_REQUEST if several else ClusterLbPolicy.ROUND_ROBIN,
        outlier_detection=DEAD if several else None,
    )


def _pipe(path: Path) -> Address:
    return Address(pipe=Pipe(path=str(path)))


def _tls(origin: Origin, ca_file: str | None) -> TransportSocket:
    context = UpstreamTlsContext(
        # An address is no name to ask for (RFC 6066, section 3).
        sni="" if origin.numeric else origin.host,
        auto_sni_san_validation=not origin.numeric,
        common_tls_context=CommonTlsContext(
            validation_context=CertificateValidationContext(
                trusted_ca=DataSource(filename=ca_file or trusted_authorities()),
                match_typed_subject_alt_names=_addressed(origin) if origin.numeric else [],
            )
        ),
    )
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def _addressed(origin: Origin) -> list[SubjectAltNameMatcher]:
    return [
        SubjectAltNameMatcher(
            san_type=SubjectAltNameMatcherSanType.IP_ADDRESS,
            matcher=StringMatcher(exact=origin.host),
        )
    ]

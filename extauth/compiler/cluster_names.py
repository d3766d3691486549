"""The names of Envoy's clusters that are not a backend's."""

from __future__ import annotations

PROCESSOR = "ext_proc"
AUTHORIZATION = "ext_authz"
PORTAL = "portal"
RESERVED = frozenset({PROCESSOR, AUTHORIZATION, PORTAL})
"""Names that no backend may take."""


def jwks_cluster(name: str) -> str:
    """The cluster of an issuer's key server."""
    return f"jwks-{name}"

"""The names of Envoy's clusters that are not a backend's."""

from __future__ import annotations

SERVICE = "extauth"
PORTAL = "portal"
RESERVED = frozenset({SERVICE, PORTAL})
"""Names that no backend may take."""


def jwks_cluster(name: str) -> str:
    """The cluster of an issuer's key server."""
    return f"jwks-{name}"

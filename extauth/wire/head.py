"""Envoy's headers to a `RequestHead`."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING

import msgspec

from extauth.types import RequestHead
from extauth.types.headers import JWT, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envoy.config.core.v3.base_pb2 import HeaderValue

SINGULAR = frozenset(
    {
        ":authority",
        ":method",
        ":path",
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "inference-header-content-length",
        "transfer-encoding",
        "x-request-id",
        JWT,
        SOURCE,
    }
)
"""Headers that mean something to a decision: of two of them, one would be ignored."""

_MAPPED = "::ffff:"
"""RFC 4291, 2.5.5.2: an IPv4 peer of an IPv6 socket; policies know it by its IPv4 address."""


def request_head(headers: Iterable[HeaderValue]) -> RequestHead:
    """Read what Envoy saw. A singular header that is there twice is noted, for admission to refuse.

    `SOURCE` and `JWT` are Envoy's own words: it strips a client's copies before any filter runs.
    """
    named = [(header.key, header.raw_value.decode("utf-8", "replace")) for header in headers]
    found, repeated = dict(named), None
    if len(found) < len(named):
        found, repeated = _joined(named)
    path, _, query = found.get(":path", "").partition("?")
    claims = found.pop(JWT, None)
    return RequestHead(
        request_id=found.get("x-request-id", ""),
        method=found.get(":method", ""),
        path=path,
        query=query,
        headers=found,
        source_ip=found.pop(SOURCE, "").removeprefix(_MAPPED),
        jwt_claims=_claims(claims) if claims else None,
        repeated=repeated,
    )


def response_head(headers: Iterable[HeaderValue]) -> tuple[int, dict[str, str]]:
    """The status of the backend's answer and its headers, names in lower case."""
    found = {header.key: header.raw_value.decode("latin-1") for header in headers}
    return int(found.get(":status", "0")), found


def _joined(named: Iterable[tuple[str, str]]) -> tuple[dict[str, str], str | None]:
    """Join the values of each name (RFC 9110, 5.3), and tell a singular one that is repeated."""
    found: dict[str, str] = {}
    repeated = None
    for name, value in named:
        if name in found and name in SINGULAR:
            repeated = name
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found, repeated


def _claims(payload: str) -> dict[str, object] | None:
    """The payload that jwt_authn verified: base64url of a JSON object; None if it isn't one."""
    try:
        return msgspec.json.decode(
            urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=dict[str, object]
        )
    except (ValueError, msgspec.MsgspecError):
        return None

"""Headers between Envoy and this gateway. A client can't set one that starts with `INTERNAL`.

Envoy strips these headers from a client's request before its first filter runs. Only Envoy sets
`SOURCE`, `JWT` and `ORIGINAL_PATH`; only ext_proc may set `CLUSTER` and `STREAMS`; only ext_authz
may set `METADATA_CLUSTER` and `PRINCIPAL`. Envoy answers 503 to a filter that sets another one's
header.
"""

from __future__ import annotations

INTERNAL = "x-sluice-"

CLUSTER = INTERNAL + "cluster"
"""Envoy's cluster for an inference request. Without it no route to a model's endpoints matches."""

STREAMS = INTERNAL + "streams"
"""The mark of an inference request, whose answer may take as long as the model goes on."""

METADATA_CLUSTER = INTERNAL + "metadata-cluster"
"""Envoy's cluster for a metadata or health request, which has no body."""

PRINCIPAL = INTERNAL + "principal"
"""The principal's id, for the portal. Without it no route to the portal matches."""

SOURCE = INTERNAL + "source"
"""The peer's address, without its port."""

JWT = INTERNAL + "jwt"
"""The payload of a token that Envoy verified, in base64url without padding."""

NOTED = INTERNAL + "noted"
"""Answer header: the findings that were left in place, as in `card=1, email=2`."""

DROPPED_TURNS = INTERNAL + "dropped-turns"
"""Answer header: the number of the chat's oldest turns that were left out to make it fit."""

ORIGINAL_PATH = INTERNAL + "path"
"""The path as the client wrote it, without its query: for logs, and to choose an error's shape."""

PURPOSE = "x-request-purpose"
"""The purpose of the request, in the client's own words. Set by the client, so not internal."""

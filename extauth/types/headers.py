"""Headers between Envoy and this gateway. Whatever starts with `INTERNAL` is never a client's.

Envoy strips such headers from a client's request before its first filter runs. It alone sets
`SOURCE`, `JWT` and `ORIGINAL_PATH`. Only ext_proc may set `CLUSTER` and `STREAMS`;
only ext_authz may set
`METADATA_CLUSTER` and `PRINCIPAL`: Envoy answers 503 to a mutation of another one's header.
"""

from __future__ import annotations

INTERNAL = "x-sluice-"

CLUSTER = INTERNAL + "cluster"
"""Envoy's cluster for an inference request. Without it no route to a model's endpoints matches."""

STREAMS = INTERNAL + "streams"
"""That the answer to an inference request may take as long as it has something to say."""

METADATA_CLUSTER = INTERNAL + "metadata-cluster"
"""Envoy's cluster for a metadata or health request, which reads and has no body."""

PRINCIPAL = INTERNAL + "principal"
"""Who calls, for the portal. Without it no route to the portal matches."""

SOURCE = INTERNAL + "source"
"""The peer's address, without its port."""

JWT = INTERNAL + "jwt"
"""The payload of a token that Envoy verified, as base64url without padding."""

NOTED = INTERNAL + "noted"
"""In an answer: the findings that were left as they are, as in `card=1, email=2`."""

DROPPED_TURNS = INTERNAL + "dropped-turns"
"""In an answer: how many of the chat's oldest turns were left out so that it fit."""

ORIGINAL_PATH = INTERNAL + "path"
"""The path as the client wrote it, without its query: for logs, and for the shape of an error."""

PURPOSE = "x-request-purpose"
"""What the client says that it wants the answer for. Not an internal one: it is the client's."""

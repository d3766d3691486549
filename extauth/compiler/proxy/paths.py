"""The request lines that Envoy tells apart. What each one means is `extauth.clients`'s to say.

Regular expressions are RE2's, over the whole normalised path without its query.
"""

from __future__ import annotations

INFERENCE = (
    r"/v1/(chat/completions|completions|embeddings)"
    r"|/v2/models/[^/]+(/versions/[^/]+)?/(infer|generate|generate_stream)"
)
"""Requests with a body that matters, as clients write them."""

STREAMED = r"/v2/models/[^/]+/versions/[0-9]+/generate_stream"
"""A model server's endpoint that may answer for as long as it has something to say."""

PLAIN = r"/v2/models/[^/]+/versions/[0-9]+/(infer|generate)"
"""A model server's endpoints that answer once."""

METADATA = r"/v2|/v2/health/(live|ready)|/v2/models/[^/]+/versions/[0-9]+(/ready)?"
"""A model server's metadata and health, with the version decided. Nothing else of it is named."""

HEALTH = r"/v2/health/ready"
"""The only question that the service asks model servers by itself, through Envoy."""

PORTAL = r"/v1/models(/[^/]+)?|/v1/usage"
"""Answered by this gateway itself, to a principal."""

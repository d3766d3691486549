"""The request lines that Envoy tells apart. What each one means is `extauth.clients`'s to say.

Regular expressions are RE2's, over the whole normalised path without its query.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extauth.backends.openai.backend import base_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.settings import Backend

INFERENCE = (
    r"/v1/(chat/completions|completions|embeddings)"
    r"|/v2/models/[^/]+(/versions/[^/]+)?/(infer|generate|generate_stream)"
)
"""Requests with a body that matters, as clients write them."""

METADATA = r"/v2|/v2/health/(live|ready)|/v2/models/[^/]+/versions/[0-9]+(/ready)?"
"""A model server's metadata and health, with the version decided. Nothing else of it is named."""

HEALTH = r"/v2/health/ready"
"""The only question that the service asks model servers by itself, through Envoy."""

PORTAL = r"/v1/models(/[^/]+)?|/v1/usage"
"""Answered by this gateway itself, to a principal."""

_TRITON = r"/v2/models/[^/]+/versions/[0-9]+/(infer|generate|generate_stream)"
_OPENAI = r"/(chat/completions|completions|embeddings)"


def upstream(backends: Iterable[Backend]) -> str:
    """Return the endpoints that inference requests go to, with the version decided."""
    found = {
        _TRITON if one.kind == "triton" else re.escape(base_path(one.url or "")) + _OPENAI
        for one in backends
    }
    return "|".join(sorted(found))

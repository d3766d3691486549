"""The request lines that Envoy tells apart. What each one means is `extauth.clients`'s to say.

Regular expressions are RE2's, over the whole normalised path without its query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.backends.openai.backend import base_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.settings import BackendSettings

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

TRITON = r"/v2/models/[^/]+/versions/[0-9]+/(infer|generate|generate_stream)"
"""Triton's inference endpoints, with the version decided."""

_OPENAI = ("/chat/completions", "/completions", "/embeddings")


def openai(backends: Iterable[BackendSettings]) -> list[str]:
    """Return the paths of the OpenAI API's endpoints on these backends, each once.

    Whole paths: a regular expression for a long prefix is over the size that Envoy allows one.
    """
    bases = {base_path(one.url or "") for one in backends if one.kind == "openai"}
    return [base + endpoint for base in sorted(bases) for endpoint in _OPENAI]

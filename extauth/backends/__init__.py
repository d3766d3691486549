"""The protocols that model servers speak: Triton's, and OpenAI's.

A backend writes a neutral `Call` as its own request, and reads its own answer, plain or streamed,
into neutral `Delta`s. What it can't do is refused by its capabilities. Where a server is, and the
credential that it asks for, is Envoy's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.backends.backend import (
    REPLACED_HEADERS,
    AnswerReader,
    Backend,
    UpstreamRequest,
)
from extauth.backends.capabilities import check_capabilities
from extauth.backends.openai import OpenAIBackend
from extauth.backends.triton import TritonBackend

if TYPE_CHECKING:
    from extauth import settings

__all__ = [
    "REPLACED_HEADERS",
    "AnswerReader",
    "Backend",
    "UpstreamRequest",
    "check_capabilities",
    "open_backend",
]


def open_backend(backend: settings.BackendSettings) -> Backend:
    """Return what speaks to a configured backend. Safe to share."""
    if backend.kind == "openai":
        return OpenAIBackend(backend.url or "")
    return TritonBackend(external=backend.url is not None)

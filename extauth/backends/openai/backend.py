"""A server of the OpenAI API as a backend."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from extauth.backends.backend import UpstreamRequest
from extauth.backends.openai.answer import CompletionReader
from extauth.backends.openai.embedded import EmbeddingReader
from extauth.backends.openai.request import chat_body, completion_body, embedding_body
from extauth.backends.openai.stream import StreamReader
from extauth.types.call import Chat, Completion, Embedding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.backends.backend import AnswerReader
    from extauth.settings import Model
    from extauth.types import Operation
    from extauth.types.call import Call

CAPABILITIES: Final = frozenset(
    {
        *("stream", "temperature", "top_p"),
        *("tools", "tool_choice", "response_format", "n", "stop", "seed"),
        *("presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs"),
        *("images", "audio", "files", "reasoning_effort", "verbosity", "suffix"),
    }
)
"""Everything of the API that the gateway can search, count and settle. A server may have less: it
says so itself, or the model's settings do."""

_JSON: Final = (("content-type", "application/json"),)
_VERSION: Final = re.compile(r"v[0-9]+[a-z0-9]*")


class OpenAIBackend:
    """Speaks to a server below `url`, the address that clients of the API are given.

    `/v1` is put behind a path without a version.
    """

    def __init__(self, url: str) -> None:
        self._base = base_path(url)

    def capabilities(self, model: Model) -> frozenset[str]:
        """Return what the server can do for the model; see `Backend.capabilities`."""
        return CAPABILITIES if model.parameters is None else CAPABILITIES & {*model.parameters}

    def request(
        self,
        call: Call,
        model: Model,
        version: str,
        prompts: Sequence[str],
        max_tokens: int | None,
    ) -> UpstreamRequest:
        """Write the request; the server renders a chat by itself. See `Backend.request`."""
        name = model.upstream_name or model.name
        if isinstance(call, Chat):
            path, body = "/chat/completions", chat_body(call, name, max_tokens)
        elif isinstance(call, Completion):
            path, body = "/completions", completion_body(call, name, max_tokens)
        elif isinstance(call, Embedding):
            path, body = "/embeddings", embedding_body(call, name)
        else:
            raise TypeError(f"the OpenAI API has no request for a {type(call).__name__}")
        return UpstreamRequest(self._base + path, body, _JSON, call.parameters.stream)

    def reader(self, call: Call) -> AnswerReader:
        """Return the reader of the answer; see `Backend.reader`."""
        if isinstance(call, Embedding):
            return EmbeddingReader(rows=len(call.inputs))
        if call.parameters.stream:
            return StreamReader(choices=call.parameters.n)
        return CompletionReader(choices=call.parameters.n)

    def metadata_path(self, operation: Operation, model: str, version: str) -> str | None:
        """Return None: the API has no KServe metadata."""
        return None


def base_path(url: str) -> str:
    """Return the path that the API's endpoints stand below, without a slash at the end."""
    path = urlsplit(url).path.rstrip("/")
    if any(_VERSION.fullmatch(segment) for segment in path.split("/")):
        return path
    return path + "/v1"

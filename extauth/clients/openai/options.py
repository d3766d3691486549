"""The parameters that the OpenAI API's text endpoints share."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from extauth.clients.body import invalid
from extauth.clients.sampling import CheckedSampling, MaxTokens

ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast"]
TokenId = Annotated[str, Meta(pattern=r"^[0-9]{1,10}\Z")]
Bias = Annotated[float, Meta(ge=-100, le=100)]


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`stream_options`. Obfuscation is never added, so the client's wish makes no difference."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Options(CheckedSampling, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Parameters of both chat completions and completions."""

    model: str
    max_tokens: MaxTokens | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logit_bias: Annotated[dict[TokenId, Bias], Meta(max_length=1024)] | None = None
    user: str | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with its usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def check_stream(self) -> None:
        """Raise InvalidRequest for stream options without a stream."""
        if self.stream_options is not None and not self.stream:
            raise invalid("stream_options", "it is only allowed when 'stream' is true.")

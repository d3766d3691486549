"""What the OpenAI API's text endpoints share: sampling, streaming, and what is not honoured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from extauth.clients.body import invalid, unsupported
from extauth.clients.generate import MaxTokens, Sampling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.errors import InvalidRequest


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`stream_options`. Obfuscation is never added, so the client's wish makes no difference."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Options(Sampling, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Parameters of both chat completions and completions."""

    model: str
    max_tokens: MaxTokens | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with its usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def check_stream(self) -> None:
        """Raises InvalidRequest for stream options without a stream."""
        if self.stream_options is not None and not self.stream:
            raise invalid("stream_options", "it is only allowed when 'stream' is true.")


def refused(body: object, harmless: Mapping[str, tuple[Any, ...]]) -> InvalidRequest | None:
    """The error of the first parameter with a value that would change the answer, if any.

    `harmless` names the parameters that no model here honours, each with the values, beside null,
    that ask for nothing.
    """
    for name, values in harmless.items():
        value = getattr(body, name)
        if value is not None and value not in values:
            return unsupported(name)
    return None


ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast"]

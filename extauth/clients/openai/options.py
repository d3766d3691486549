"""The parameters that the OpenAI API's text endpoints share, and their inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from extauth.clients.body import invalid
from extauth.clients.sampling import CheckedSampling, MaxTokens

if TYPE_CHECKING:
    from extauth.types.call import Item

ServiceTier = Literal["auto", "default", "flex", "scale", "priority", "fast"]
TokenId = Annotated[str, Meta(pattern=r"^[0-9]{1,10}\Z")]
Bias = Annotated[float, Meta(ge=-100, le=100)]


Id = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Ids = Annotated[list[Id], Meta(min_length=1)]
Text = Annotated[str, Meta(min_length=1)]
# An API constant: the OpenAI API takes as many.
Inputs = Text | Annotated[list[Text | Id | Ids], Meta(min_length=1, max_length=2048)]


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
        """True if a stream ends with its usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def check_stream(self) -> None:
        """Raise InvalidRequest for stream options without a stream."""
        if self.stream_options is not None and not self.stream:
            raise invalid("stream_options", "it is only allowed when 'stream' is true.")


def parse_inputs(value: str | list[str | int | list[int]], param: str) -> tuple[Item, ...]:
    """Return one item an input: its text or its ids. Raises InvalidRequest for a mixture."""
    if isinstance(value, str):
        return (value,)
    kinds = {type(item) for item in value}
    if len(kinds) > 1:
        raise invalid(param, "texts, token ids and lists of ids can't be mixed.")
    if kinds == {int}:
        return (tuple(value),)  # type: ignore[arg-type]  # all are ints, as just seen
    return tuple(tuple(item) if isinstance(item, list) else item for item in value)  # type: ignore[misc]  # no int is left

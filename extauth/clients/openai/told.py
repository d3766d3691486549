"""Usage and log probabilities, in the shapes of the OpenAI API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.types import Usage
    from extauth.types.answer import TokenLogprob


def usage_of(
    usage: Usage, cached: int | None = None, reasoning: int | None = None
) -> dict[str, object]:
    """Return the API's `usage` object; details only where the server told some."""
    told: dict[str, object] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    if cached is not None:
        told["prompt_tokens_details"] = {"cached_tokens": cached}
    if reasoning is not None:
        told["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return told


def chat_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, object] | None:
    """Return a chat choice's `logprobs`; None without any."""
    return {"content": list(tokens), "refusal": None} if tokens else None


def completion_logprobs(tokens: Sequence[TokenLogprob], offset: int) -> dict[str, object] | None:
    """Return a completion choice's `logprobs`; None without any.

    `offset` is where in the choice's text the first token stands.
    """
    if not tokens:
        return None
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [
            {other.token: other.logprob for other in token.top_logprobs} for token in tokens
        ],
        "text_offset": offsets,
    }

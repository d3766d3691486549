"""The sampling inputs of a language model, as a KServe client names them."""

from __future__ import annotations

from extauth.clients.generate import MaxTokens, Sampling
from extauth.types import Parameters


class Fields(Sampling, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sampling, the bound and the stream; a member or an input tensor each."""

    max_tokens: MaxTokens | None = None
    stream: bool | None = None

    def facts(self, *, stream: bool, inputs: int) -> Parameters:
        """What a policy may look at."""
        return Parameters(
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            n=self.n or 1,
            stream=stream,
            seed=self.seed,
            stop=len(self.stops),
            inputs=inputs,
        )

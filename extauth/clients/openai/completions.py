"""POST /v1/completions, the request side."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from extauth.clients.body import read_json
from extauth.clients.openai.answers import CompletionAnswer
from extauth.clients.openai.chunks import CompletionChunks
from extauth.clients.openai.options import Inputs, Options, parse_inputs
from extauth.clients.openai.text import TextCodec
from extauth.clients.sampling import INT32_MAX, SAMPLING, Harmless
from extauth.clients.target import parse_reference
from extauth.types import Parameters, Target
from extauth.types.call import Completion, CompletionOptions


class CompletionRequest(Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The request body, every parameter that the API has."""

    prompt: Inputs
    best_of: int | None = None
    # None at all is an answer of its own.
    max_tokens: Annotated[int, Meta(ge=0, le=INT32_MAX)] | None = None
    echo: bool | None = None
    logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    suffix: str | None = None


_HARMLESS: Final = Harmless(
    {
        **SAMPLING.parameters,
        "logit_bias": ({},),
        "echo": (False,),
        "logprobs": (),
        "suffix": ("",),
    }
)

_decoder: Final = msgspec.json.Decoder(CompletionRequest)


class CompletionCodec(TextCodec[Completion], frozen=True):
    """A prompt, and an answer: a `text_completion`, or a stream of them."""

    prefix = "cmpl"
    whole = CompletionAnswer
    stream = CompletionChunks


def parse_completion(_: Target, data: bytes, depth: int) -> CompletionCodec:
    """Read the body of a completion request. Raises InvalidRequest, NotFound, RequestTooLarge."""
    body = read_json(data, _decoder, depth)
    body.check_stream()
    inputs = parse_inputs(body.prompt, "prompt")
    stops = body.stops
    parameters = Parameters(
        max_tokens=body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        n=body.n or 1,
        stream=bool(body.stream),
        seed=body.seed,
        stop=len(stops),
        inputs=len(inputs),
    )
    asks = _HARMLESS.asked(body)
    if len(inputs) > 1:
        asks.append(("several_prompts", "prompt"))
    if body.best_of not in (None, parameters.n):
        asks.append(("best_of", "best_of"))
    call = Completion(
        parse_reference(body.model),
        parameters,
        tuple(asks),
        CompletionOptions(
            body.temperature,
            body.top_p,
            body.n,
            body.seed,
            body.presence_penalty,
            body.frequency_penalty,
            body.logprobs,
            body.logit_bias,
            body.echo,
        ),
        inputs,
        stops,
        body.suffix or None,
    )
    return CompletionCodec(call, body.include_usage)

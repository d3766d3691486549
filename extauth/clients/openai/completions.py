"""POST /v1/completions, the request side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from extauth.clients.body import read_json, unsupported
from extauth.clients.generate import INT32_MAX, generate_request, require_task
from extauth.clients.openai.answers import CompletionAnswer
from extauth.clients.openai.chunks import CompletionChunks
from extauth.clients.openai.options import Options, refused
from extauth.clients.openai.prompt import Inputs, Item, decoded, parse_inputs, texts_of
from extauth.clients.strings import Replacer
from extauth.clients.target import parse_reference
from extauth.clients.whole import WholeCall
from extauth.types import ModelReference, Operation, Parameters, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.clients.call import CallModel, ResponseCodec, UpstreamRequest
    from extauth.errors import AnsweredError
    from extauth.types import Source

_TASKS: Final = ("completion", "chat")


class Body(Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The request body, every parameter that the API has."""

    prompt: Inputs
    best_of: int | None = None
    # None at all is an answer of its own.
    max_tokens: Annotated[int, Meta(ge=0, le=INT32_MAX)] | None = None
    echo: bool | None = None
    logprobs: int | None = None
    suffix: str | None = None


HARMLESS: Final[dict[str, tuple[Any, ...]]] = {
    "echo": (False,),
    "logit_bias": ({},),
    "logprobs": (),
    "suffix": ("",),
}

_decoder: Final = msgspec.json.Decoder(Body)


class CompletionCall(WholeCall, frozen=True):
    """A parsed completion request (`protocol.call.Call`)."""

    target: Target
    reference: ModelReference
    parameters: Parameters
    body: Body
    inputs: tuple[Item, ...]
    stops: list[str]

    def bind(self, model: CallModel) -> CompletionCall:
        """The call with token ids decoded."""
        return msgspec.structs.replace(self, inputs=decoded(self.inputs, model))

    def texts(self) -> list[str]:
        """The prompts, then the stop strings."""
        return [*texts_of(self.inputs, "prompt"), *self.stops]

    def sources(self) -> list[Source]:
        """The user's, all of them: the API knows no other."""
        return ["user"] * len(self.texts())

    def replace(self, texts: Sequence[str]) -> CompletionCall:
        """The same completion with other texts."""
        change = Replacer(texts)
        inputs = tuple([change("") for _ in self.inputs])
        stops = [change("") for _ in self.stops]
        change.done()
        return msgspec.structs.replace(self, inputs=inputs, stops=stops)

    def unsupported(self) -> AnsweredError | None:
        """The first parameter that asks for what is not there."""
        if len(self.inputs) > 1:
            return unsupported("prompt", "Only one prompt a request is supported.")
        if self.body.best_of not in (None, self.parameters.n):
            return unsupported("best_of")
        return refused(self.body, HARMLESS)

    def prompts(self, model: CallModel) -> list[str]:
        """The prompts as they are."""
        require_task(model.task, _TASKS, Operation.COMPLETIONS)
        texts = texts_of(self.inputs, "prompt")
        model.admit(texts)
        return texts

    def request(
        self, model: CallModel, version: str, prompts: Sequence[str], max_tokens: int | None
    ) -> UpstreamRequest:
        """To `generate`, or `generate_stream` when the client wants a stream."""
        return generate_request(
            model,
            version,
            prompts[0],
            max_tokens,
            stream=self.parameters.stream,
            sampling=self.body,
            stops=self.stops,
        )

    def response(self, *, model_label: str, request_id: str, created: int) -> ResponseCodec:
        """A `text_completion`, or a stream of them."""
        answer_id = f"cmpl-{request_id}"
        if self.parameters.stream:
            return CompletionChunks(
                answer_id,
                model_label,
                created,
                choices=self.parameters.n,
                include_usage=self.body.include_usage,
            )
        return CompletionAnswer(answer_id, model_label, created, choices=self.parameters.n)


def parse_completion(target: Target, data: bytes, depth: int) -> CompletionCall:
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
    return CompletionCall(target, parse_reference(body.model), parameters, body, inputs, stops)

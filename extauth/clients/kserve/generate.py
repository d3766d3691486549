"""POST /v2/models/{model}/generate and generate_stream (Triton's extension_generate.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from extauth.clients.answer import EVENTS, JSON, error_body
from extauth.clients.body import invalid, read_json
from extauth.clients.collected import Collected
from extauth.clients.sampling import SAMPLING, CheckedSampling, MaxTokens
from extauth.errors import NotFound
from extauth.types import Api, Operation, Parameters, Target
from extauth.types.answer import WHOLE
from extauth.types.call import Completion, CompletionOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.clients.codec import AnswerWriter
    from extauth.clients.collected import CollectedChoice
    from extauth.errors import AnsweredError
    from extauth.types import Delta, Usage


class GenerateFields(CheckedSampling, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sampling, the bound and the stream; a member or an input tensor each."""

    max_tokens: MaxTokens | None = None
    stream: bool | None = None

    def facts(self, *, stream: bool, inputs: int) -> Parameters:
        """Return what a policy may look at."""
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


class GenerateRequest(GenerateFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The request body; the sampling inputs beside the text or under `parameters`."""

    text_input: str
    id: Annotated[str, Meta(max_length=256)] | None = None
    parameters: GenerateFields | None = None


_decoder: Final = msgspec.json.Decoder(GenerateRequest)
_encode: Final = msgspec.json.Encoder().encode


class GenerateCodec(msgspec.Struct, frozen=True):
    """A prompt, and an answer in Triton's own shape, by events or at once."""

    call: Completion
    id: str | None = None

    def writer(self, *, model_label: str, request_id: str, created: int) -> AnswerWriter:
        """Return one that answers with the client's own id."""
        return (GenerateChunks if self.call.parameters.stream else GenerateAnswer)(self.id)


def parse_generate(target: Target, data: bytes, depth: int) -> GenerateCodec:
    """Read the body of a generate request. Raises InvalidRequest or RequestTooLarge."""
    if target.model is None:
        raise NotFound("There is no such route.")
    body = read_json(data, _decoder, depth)
    fields = _merged(body)
    stream = target.operation is Operation.GENERATE_STREAM
    if fields.stream is not None and fields.stream != stream:
        raise invalid("stream", "generate answers at once, generate_stream by events.")
    call = Completion(
        target.model,
        fields.facts(stream=stream, inputs=1),
        tuple(SAMPLING.asked(fields)),
        CompletionOptions(
            fields.temperature,
            fields.top_p,
            fields.n,
            fields.seed,
            fields.presence_penalty,
            fields.frequency_penalty,
        ),
        (body.text_input,),
        fields.stops,
        outputs=True,
    )
    return GenerateCodec(call, body.id)


def _merged(body: GenerateRequest) -> GenerateFields:
    nested = body.parameters
    if nested is None:
        return body
    values: dict[str, object] = {}
    for name in GenerateFields.__struct_fields__:
        value = getattr(nested, name)
        if value is not None and getattr(body, name) is not None:
            raise invalid(f"parameters.{name}", f"'{name}' is given twice.")
        values[name] = getattr(body, name) if value is None else value
    return GenerateFields(**values)  # type: ignore[arg-type]  # both were checked as GenerateFields


class GenerateChunks:
    """An event a delta. Outputs that are not text are in every event, as they were last told.

    A server that counts the answer as a whole gets an event of its counts, the last one.
    """

    content_type = EVENTS
    headers: tuple[tuple[str, str], ...] = ()
    streaming = True

    def __init__(self, request_id: str | None) -> None:
        self._outputs: dict[str, object] = {} if request_id is None else {"id": request_id}
        self._choices: set[int] = set()
        self._told_whole = False

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Return an event each; none for a delta that says nothing."""
        out = []
        for delta in deltas:
            output = None
            if delta.details is not None:
                output = delta.details.output
                if isinstance(delta.details.data, dict):
                    self._outputs |= delta.details.data
            if delta.index == WHOLE:
                self._told_whole = self._told_whole or delta.completion_tokens is not None
                continue
            if output is not None:
                out.append(b"data: " + _encode({**self._outputs, output: delta.text}) + b"\n\n")
            elif delta.text or delta.finish_reason is not None:
                self._choices.add(delta.index)
                event = {
                    **self._outputs,
                    "index": delta.index,
                    "text_output": delta.text,
                    "finish_reason": delta.finish_reason or "",
                }
                if delta.completion_tokens is not None:
                    event["completion_tokens"] = delta.completion_tokens
                if delta.prompt_tokens is not None:
                    event["prompt_tokens"] = delta.prompt_tokens
                out.append(b"data: " + _encode(event) + b"\n\n")
        return b"".join(out)

    def finish(self, usage: Usage) -> bytes:
        """Return the counts that no event told yet. The end of the body is the end."""
        if not self._told_whole:
            return b""
        event = {**self._outputs, "index": 0, "text_output": "", "finish_reason": ""}
        event["prompt_tokens"] = usage.prompt_tokens
        if self._choices <= {0}:
            event["completion_tokens"] = usage.completion_tokens
        return b"data: " + _encode(event) + b"\n\n"

    def error(self, error: AnsweredError) -> bytes:
        """Return an event, as Triton's own errors are."""
        return b"data: " + error_body(Api.KSERVE, error) + b"\n\n"


class GenerateAnswer:
    """A JSON object; outputs of several choices are lists."""

    content_type = JSON
    headers: tuple[tuple[str, str], ...] = ()
    streaming = False

    def __init__(self, request_id: str | None) -> None:
        self._id = request_id
        self._collected = Collected()

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Return nothing yet."""
        self._collected.add(deltas)
        return b""

    def finish(self, usage: Usage) -> bytes:
        """Return the whole answer; the tokens in it are those that are charged."""
        collected = list(self._collected.choices())
        choices = [(index, one) for index, one in collected if one.output is None]
        outputs: dict[str, list[object]] = {
            "index": [index for index, _ in choices],
            "text_output": [choice.text for _, choice in choices],
            "finish_reason": [choice.finish_reason or "" for _, choice in choices],
        }
        tokens: list[object] = [choice.tokens for _, choice in choices]
        if tokens == [None] and self._collected.told_whole:
            tokens = [usage.completion_tokens]
        if None not in tokens:
            outputs["completion_tokens"] = tokens
        for name, choice in _named(collected):
            outputs.setdefault(name, []).append(choice.text)
        answer: dict[str, object] = {} if self._id is None else {"id": self._id}
        if isinstance(self._collected.data, dict):
            answer |= self._collected.data
        if self._collected.told_prompt:
            answer["prompt_tokens"] = usage.prompt_tokens
        for name, values in outputs.items():
            answer[name] = values[0] if len(values) == 1 else values
        return _encode(answer)

    def error(self, error: AnsweredError) -> bytes:
        """Return the body of an error answer."""
        return error_body(Api.KSERVE, error)


def _named(collected: Sequence[tuple[int, CollectedChoice]]) -> list[tuple[str, CollectedChoice]]:
    return [(one.output, one) for _, one in collected if one.output is not None]

"""POST /v2/models/{model}/generate and generate_stream (Triton's extension_generate.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from extauth.clients.answer import EVENTS, JSON, error_body
from extauth.clients.body import invalid, read_json
from extauth.clients.collected import Collected
from extauth.clients.generate import generate_request
from extauth.clients.kserve.fields import Fields
from extauth.clients.strings import Replacer
from extauth.clients.triton import Generated, GenerateReader
from extauth.clients.whole import WholeCall
from extauth.errors import BackendError, NotFound
from extauth.types import Api, Delta, ModelReference, Operation, Parameters, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.clients.call import CallModel, ResponseCodec, UpstreamRequest
    from extauth.errors import AnsweredError
    from extauth.types import Source, Usage


class Body(Fields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The request body; the sampling inputs beside the text or under `parameters`."""

    text_input: str
    id: Annotated[str, Meta(max_length=256)] | None = None
    parameters: Fields | None = None


_decoder: Final = msgspec.json.Decoder(Body)
_TRITONS: Final = frozenset({"model_name", "model_version"})
_encode: Final = msgspec.json.Encoder().encode


class GenerateCall(WholeCall, frozen=True):
    """A parsed generate request (`protocol.call.Call`)."""

    target: Target
    reference: ModelReference
    parameters: Parameters
    fields: Fields
    text: str
    stops: list[str]
    id: str | None = None

    def bind(self, _: CallModel) -> GenerateCall:
        """Itself: there are no token ids here."""
        return self

    def texts(self) -> list[str]:
        """The text, then the stop strings."""
        return [self.text, *self.stops]

    def sources(self) -> list[Source]:
        """The user's, all of them: the API knows no other."""
        return ["user"] * len(self.texts())

    def replace(self, texts: Sequence[str]) -> GenerateCall:
        """The same request with other texts."""
        change = Replacer(texts)
        text = change("")
        stops = [change("") for _ in self.stops]
        change.done()
        return msgspec.structs.replace(self, text=text, stops=stops)

    def unsupported(self) -> AnsweredError | None:
        """None: every field that is read is honoured."""
        return None

    def prompts(self, model: CallModel) -> list[str]:
        """The text as it is: a KServe client renders its own prompt."""
        model.admit([self.text])
        return [self.text]

    def request(
        self, model: CallModel, version: str, prompts: Sequence[str], max_tokens: int | None
    ) -> UpstreamRequest:
        """The same operation on one version."""
        return generate_request(
            model,
            version,
            prompts[0],
            max_tokens,
            stream=self.target.operation is Operation.GENERATE_STREAM,
            sampling=self.fields,
            stops=self.stops,
        )

    def response(self, *, model_label: str, request_id: str, created: int) -> ResponseCodec:
        """Triton's own shape, by events or at once."""
        extras: dict[str, object] = {} if self.id is None else {"id": self.id}
        streaming = self.target.operation is Operation.GENERATE_STREAM
        return (GenerateChunks if streaming else GenerateAnswer)(extras, choices=self.parameters.n)


def parse_generate(target: Target, data: bytes, depth: int) -> GenerateCall:
    """Read the body of a generate request. Raises InvalidRequest or RequestTooLarge."""
    if target.model is None:
        raise NotFound("There is no such route.")
    body = read_json(data, _decoder, depth)
    fields = _merged(body)
    stream = target.operation is Operation.GENERATE_STREAM
    if fields.stream is not None and fields.stream != stream:
        raise invalid("stream", "generate answers at once, generate_stream by events.")
    stops = fields.stops
    return GenerateCall(
        target,
        target.model,
        fields.facts(stream=stream, inputs=1),
        fields,
        body.text_input,
        stops,
        body.id,
    )


def _merged(body: Body) -> Fields:
    nested = body.parameters
    if nested is None:
        return body
    values: dict[str, object] = {}
    for name in Fields.__struct_fields__:
        value = getattr(nested, name)
        if value is not None and getattr(body, name) is not None:
            raise invalid(f"parameters.{name}", f"'{name}' is given twice.")
        values[name] = getattr(body, name) if value is None else value
    return Fields(**values)  # type: ignore[arg-type]  # both were checked as Fields


class _GenerateCodec(GenerateReader):
    """What both answers share: outputs that are not known go on as they came.

    Those that hold text are read like choices, behind the model's own: a delta an element, so that
    nothing a model says passes unseen.
    """

    def __init__(self, extras: dict[str, object], *, choices: int, streaming: bool) -> None:
        super().__init__(choices=choices, streaming=streaming)
        self._extras = extras
        # The place of each element of the other texts.
        self._others: dict[tuple[str, int], int] = {}
        self._names: list[str] = []
        self._said: dict[str, list[str]] = {}

    def parse(self, data: bytes) -> Generated:
        """One response; what is unknown in it is kept."""
        fields = msgspec.json.decode(data, type=dict[str, object])
        response = msgspec.convert(fields, Generated)
        for name in (*Generated.__struct_fields__, "id"):
            fields.pop(name, None)
        self._said = {
            name: texts for name, value in fields.items() if (texts := _texts(name, value))
        }
        self._extras.update({name: fields[name] for name in fields.keys() - self._said.keys()})
        return response

    def other(self, index: int) -> str | None:
        """The name of the output that a delta's text is of; None for the model's choices."""
        place = index - self._choices
        return None if place < 0 else self._names[place]

    def _read(self, data: bytes, found: list[Delta]) -> None:
        super()._read(data, found)
        for name, texts in self._said.items():
            for at, text in enumerate(texts):
                place = self._others.get((name, at))
                if place is None:
                    place = self._others[name, at] = len(self._names)
                    self._names.append(name)
                found.append(Delta(self._choices + place, text))


def _texts(name: str, value: object) -> list[str]:
    """The texts of an output that is not known; none where it has numbers.

    Raises BackendError for what is no tensor, as strings inside of other things.
    """
    elements = value if isinstance(value, list) else [value]
    texts = [element for element in elements if isinstance(element, str)]
    if any(isinstance(each, list | dict) for each in elements) or 0 < len(texts) < len(elements):
        raise BackendError("The model's answer is malformed.")
    return [] if name in _TRITONS else texts


class GenerateChunks(_GenerateCodec):
    """An event a delta."""

    content_type = EVENTS

    def __init__(self, extras: dict[str, object], *, choices: int) -> None:
        super().__init__(extras, choices=choices, streaming=True)

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """An event each; none for a delta that says nothing."""
        out = []
        for delta in deltas:
            other = self.other(delta.index)
            if other is not None:
                event = {**self._extras, other: delta.text}
                out.append(b"data: " + _encode(event) + b"\n\n")
            elif delta.text or delta.finish_reason is not None:
                event = {
                    **self._extras,
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

    def finish(self, _: Usage) -> bytes:
        """Nothing: the end of the body is the end."""
        self.check_failure()
        return b""

    def error(self, error: AnsweredError) -> bytes:
        """An event, as Triton's own errors are."""
        return b"data: " + error_body(Api.KSERVE, error) + b"\n\n"


class GenerateAnswer(_GenerateCodec):
    """One JSON object; outputs of several choices are lists."""

    content_type = JSON

    def __init__(self, extras: dict[str, object], *, choices: int) -> None:
        super().__init__(extras, choices=choices, streaming=False)
        self._collected = Collected()

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Nothing yet."""
        self._collected.add(deltas)
        return b""

    def finish(self, usage: Usage) -> bytes:
        """The whole answer; where the model tells tokens, those are told that are charged."""
        self.check_failure()
        collected = list(self._collected.choices())
        choices = [choice for choice in collected if self.other(choice[0]) is None]
        outputs: dict[str, list[object]] = {
            "index": [index for index, *_ in choices],
            "text_output": [text for _, text, *_ in choices],
            "finish_reason": [reason or "" for _, _, reason, _ in choices],
        }
        tokens: list[object] = [count for *_, count in choices]
        if None not in tokens:
            outputs["completion_tokens"] = tokens
        for choice in collected[len(choices) :]:
            outputs.setdefault(self._names[choice[0] - self._choices], []).append(choice[1])
        answer = dict(self._extras)
        if self._collected.told_prompt:
            answer["prompt_tokens"] = usage.prompt_tokens
        for name, values in outputs.items():
            answer[name] = values[0] if len(values) == 1 else values
        return _encode(answer)

    def error(self, error: AnsweredError) -> bytes:
        """The body of an error answer."""
        return error_body(Api.KSERVE, error)

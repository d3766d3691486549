"""What a request and its answer are to the pipeline, whichever API the client speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.errors import AnsweredError
    from extauth.types import Delta, ModelReference, Parameters, Source, Target, Usage

# Request headers that describe the client's body, not ours, or ask for an answer that the gateway
# could not read. They are dropped before `UpstreamRequest.headers` are set.
REPLACED_HEADERS = (
    "accept-encoding",
    "content-length",
    "content-type",
    "inference-header-content-length",
)


class UpstreamRequest(msgspec.Struct, frozen=True):
    """A POST to Triton. `headers` are set after those of `REPLACED_HEADERS` are dropped."""

    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...]


class CallModel(Protocol):
    """What a call needs to know of the model that it goes to (`tokens.LanguageModel`)."""

    @property
    def name(self) -> str:
        """The model's name, as Triton knows it too."""

    @property
    def task(self) -> Literal["chat", "completion", "embedding"]:
        """What the model is for."""

    @property
    def external(self) -> bool:
        """Whether its backend is run by somebody else, and may have to be asked for counts."""

    def render(
        self, messages: Sequence[Mapping[str, object]], tools: Sequence[object] | None
    ) -> str:
        """The prompt of a chat; InvalidRequest when the template refuses the messages."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; InvalidRequest when one is out of range."""

    def admit(self, texts: Sequence[str]) -> None:
        """InvalidRequest with code `control_token` when a text holds one of the model's."""


class Call(Protocol):
    """One parsed inference request. Immutable."""

    @property
    def target(self) -> Target:
        """The request line."""

    @property
    def reference(self) -> ModelReference:
        """The model as the client named it, in the path or in the body."""

    @property
    def parameters(self) -> Parameters:
        """What a policy may look at."""

    @property
    def stops(self) -> Sequence[str]:
        """The strings that end an answer and are not in it."""

    def bind(self, model: CallModel) -> Call:
        """The call with token ids decoded by the model's tokenizer; itself when it has none.

        Comes before `texts`. Raises InvalidRequest when an id is out of range.
        """

    def texts(self) -> list[str]:
        """Every string of the client that reaches the model, in a fixed order."""

    def sources(self) -> list[Source]:
        """Where each of `texts()` comes from, one for one, as far as the API tells."""

    @property
    def given_ids(self) -> int:
        """How many token ids are given to the model as they are, in place of text."""

    def turns(self) -> list[int | None]:
        """The turn that each of `texts()` belongs to, 0 the oldest; None for what must stay."""

    def without(self, turns: int) -> Call:
        """The same call without its `turns` oldest turns."""

    def replace(self, texts: Sequence[str]) -> Call:
        """The same call with those strings in place of `texts()`, one for one."""

    def unsupported(self) -> AnsweredError | None:
        """The error to raise, once the policy has allowed it, for what no model here can honour."""

    def prompts(self, model: CallModel) -> list[str]:
        """What the model will be given, and what is counted: a string an input, at least one.

        Raises InvalidRequest when a text holds one of the model's control tokens, or when the
        model does not do what was asked.
        """

    def request(
        self, model: CallModel, version: str, prompts: Sequence[str], max_tokens: int | None
    ) -> UpstreamRequest:
        """The request to Triton: `prompts` as returned by `prompts()`, `max_tokens` a choice.

        What is sent is `max_tokens`, whatever the client said; None sends none.
        """

    def response(self, *, model_label: str, request_id: str, created: int) -> ResponseCodec:
        """The codec of this call's answer. `created` is Unix seconds."""


class ResponseCodec(Protocol):
    """Translates one answer, Triton's bytes to the client's; the text in between can be changed.

    `start`, then `decode` and `encode` a chunk, then `finish`; `error` at any time instead. Not
    to be shared between requests.
    """

    content_type: str
    """Of the answer; known after `start`."""

    headers: tuple[tuple[str, str], ...]
    """Others of the answer; complete after `finish`, fixed after `start` when streaming."""

    streaming: bool
    """Whether the client gets events. Otherwise everything comes out of `finish`."""

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Triton's status and headers, their names in lower case."""

    def decode(self, chunk: bytes, end: bool) -> list[Delta]:
        """The deltas that `chunk` completes; `end` when it is the last one.

        Raises BackendError, BackendUnavailable or, when Triton refused what the client wrote,
        InvalidRequest. Deltas ahead of a failure are returned first: then the next `decode` or
        `finish` raises it.
        """

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Bytes for the client; none while a plain answer is collected.

        The deltas of one choice may be cut otherwise than they were decoded.
        """

    def finish(self, usage: Usage) -> bytes:
        """The rest of the answer. Raises like `decode`, and when a choice never finished."""

    def error(self, error: AnsweredError) -> bytes:
        """A failure in the API's shape: an event when streaming, else a whole body."""

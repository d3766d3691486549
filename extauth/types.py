"""The nouns that stages hand to each other. Immutable; imports nothing of its own.

`Facts` is the policy input and `Decision` the policy output, both exactly as they stand in
`schemas/`. They are msgspec structs, so encoding and strict decoding happen in C.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Protocol

import msgspec


class Operation(StrEnum):
    """What the client wants done, named by the API that it called."""

    CHAT = "chat.completions"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    MODELS_LIST = "models.list"
    MODELS_RETRIEVE = "models.retrieve"
    INFER = "infer"
    GENERATE = "generate"
    GENERATE_STREAM = "generate_stream"
    MODEL_READY = "model.ready"
    MODEL_METADATA = "model.metadata"
    SERVER_LIVE = "server.live"
    SERVER_READY = "server.ready"
    SERVER_METADATA = "server.metadata"


class Api(StrEnum):
    """Whose shapes the client speaks; errors answer in the same ones."""

    OPENAI = "openai"
    KSERVE = "kserve"


class RequestHead(msgspec.Struct, frozen=True):
    """A request before its body: what Envoy saw, header names in lower case.

    `path` is normalised by Envoy and without its query. `source_ip` is the peer's address as
    Envoy trusts it. `jwt_claims` are claims that Envoy's jwt_authn has verified, else None.
    `repeated` names a header that may be there only once and is there twice.
    """

    request_id: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    source_ip: str
    jwt_claims: dict[str, object] | None = None
    repeated: str | None = None


class ModelReference(msgspec.Struct, frozen=True):
    """A model as the client named it: `chat`, `chat@stable`, `chat@2`, `/versions/2`.

    At most one of `version` (canonical decimal digits: `2`, never `02`) and `alias` is set.
    """

    name: str
    version: str | None = None
    alias: str | None = None


class Target(msgspec.Struct, frozen=True):
    """A parsed request line: what to do, by which API, to which model if the path names one."""

    api: Api
    operation: Operation
    model: ModelReference | None = None

    @property
    def inference(self) -> bool:
        """Whether a body goes to a model."""
        return self.operation in INFERENCE


INFERENCE = frozenset(
    {
        Operation.CHAT,
        Operation.COMPLETIONS,
        Operation.EMBEDDINGS,
        Operation.INFER,
        Operation.GENERATE,
        Operation.GENERATE_STREAM,
    }
)


class Principal(msgspec.Struct, frozen=True):
    """Who calls, as the credential says. `id` is stable over rotations of the key."""

    id: str
    kind: Literal["api_key", "jwt"]
    tenant: str
    tier: str
    roles: tuple[str, ...] = ()
    region: str | None = None
    attributes: dict[str, str] = {}


class RequestFacts(msgspec.Struct, frozen=True):
    """The request line, canonical."""

    api: Api
    operation: Operation


class SourceFacts(msgspec.Struct, frozen=True):
    """Where the request came from."""

    ip: str


class TimeFacts(msgspec.Struct, frozen=True):
    """When the request began, to the minute, in the gateway's time zone.

    Minutes are enough for rules, and let equal inputs share one evaluation.
    """

    date: str
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    hour: int
    minute: int


class ModelFacts(msgspec.Struct, frozen=True):
    """The model that was asked for. What the gateway knows of it is `data.catalog.models`.

    `bucket` is 0 to 9999, a stable hash of principal and model name: a share of 5 % is
    `bucket < 500`, and a principal stays on its side of the line.
    """

    name: str
    version: str | None
    alias: str | None
    bucket: int


class Parameters(msgspec.Struct, frozen=True):
    """The generation parameters that a policy may look at; None where the client gave none.

    `stop` and `tools` are counts, `inputs` is the number of prompts or texts in the body.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int = 1
    stream: bool = False
    seed: int | None = None
    stop: int = 0
    tools: int = 0
    response_format: Literal["text", "json_object", "json_schema"] = "text"
    inputs: int = 1


class TokenFacts(msgspec.Struct, frozen=True):
    """Tokens by the model's own tokenizer. `max_completion` is the worst case over all choices."""

    prompt: int
    max_completion: int


class Counters(msgspec.Struct, frozen=True):
    """Usage so far in the current window: settled and reserved together."""

    requests: int = 0
    tokens: int = 0


class Windows(msgspec.Struct, frozen=True):
    """Rolling windows of one owner."""

    minute: Counters = Counters()
    day: Counters = Counters()


class UsageFacts(msgspec.Struct, frozen=True):
    """Usage so far, before this request."""

    principal: Windows = Windows()
    tenant: Windows = Windows()


class Facts(msgspec.Struct, frozen=True):
    """The policy input: facts, never content (schemas/input.schema.json).

    `gateway/admission` sees `parameters`, `tokens`, `sensitive` and `usage` as null, and `model`
    as null unless the path names one.
    """

    request: RequestFacts
    principal: Principal
    source: SourceFacts
    time: TimeFacts
    model: ModelFacts | None = None
    parameters: Parameters | None = None
    tokens: TokenFacts | None = None
    sensitive: dict[str, int] | None = None
    usage: UsageFacts | None = None


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a request is denied. `rule` is stable; a hidden one is logged and not told."""

    rule: str
    message: str
    status: Literal[403, 404, 422, 429, 451] = 403
    hidden: bool = False


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the request goes: a model and version that the snapshot has, and Envoy's cluster."""

    model: str
    version: str
    cluster: str


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="limit"):
    """At most `max` of `unit` in any rolling `window` seconds, over everything under `key`."""

    name: str
    key: str
    unit: Literal["requests", "tokens"]
    window: Annotated[int, msgspec.Meta(ge=1)]
    max: Annotated[int, msgspec.Meta(ge=0)]


class Mask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="mask"):
    """Replace findings of these kinds before a model sees them."""

    kinds: tuple[str, ...]
    treatment: Literal["placeholder", "redact"] = "placeholder"


class Clamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="clamp"):
    """Lower `max_tokens` to this at most."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1)]


Obligation = Limit | Mask | Clamp


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The policy output (schemas/decision.schema.json)."""

    allow: bool
    reasons: tuple[Reason, ...] = ()
    route: Route | None = None
    obligations: tuple[Obligation, ...] = ()


class Usage(msgspec.Struct, frozen=True):
    """What a request really used, or is known to have used when it was cut."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


class Account(msgspec.Struct, frozen=True):
    """Whose usage it is, and of what: the key under which `sluice usage` finds it."""

    tenant: str
    principal: str
    model: str
    version: str


class LimitState(msgspec.Struct, frozen=True):
    """One limit after a reservation: `reset` is the seconds until it is whole again."""

    limit: Limit
    remaining: int
    reset: float


class Delta(msgspec.Struct, frozen=True):
    """A piece of one choice's answer, in the order of arrival.

    `completion_tokens` is cumulative for the choice, None where the backend does not tell.
    A `finish_reason` closes the choice.
    """

    index: int
    text: str
    finish_reason: str | None = None
    completion_tokens: int | None = None


class Clock(Protocol):
    """Unix seconds. The real one is `time.time`; a simulation brings its own."""

    def __call__(self) -> float: ...

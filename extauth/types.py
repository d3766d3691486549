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
    USAGE = "usage"
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


class Consent(msgspec.Struct, frozen=True):
    """What the person behind a credential has agreed to: `purposes`, until the day `expires`.

    The day is as in 2027-01-31 and the last on which it holds; None means until it is withdrawn.
    """

    purposes: tuple[str, ...]
    expires: str | None = None


class Principal(msgspec.Struct, frozen=True):
    """Who calls, as the credential says. `id` is stable over rotations of the key.

    `consent` is None where the credential says nothing of one; `retention` is the class of how
    long records of its requests may be kept.
    """

    id: str
    kind: Literal["api_key", "jwt"]
    tenant: str
    tier: str
    roles: tuple[str, ...] = ()
    region: str | None = None
    attributes: dict[str, str] = {}
    consent: Consent | None = None
    retention: str | None = None


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
    """Tokens by the model's own tokenizer. `max_completion` is the worst case over all choices.

    Not `exact` are those of a model whose tokenizer the gateway does not have: an estimate that
    errs upwards.
    """

    prompt: int
    max_completion: int
    exact: bool = True


class Counters(msgspec.Struct, frozen=True):
    """Usage so far in the current window: settled and reserved together."""

    requests: int = 0
    tokens: int = 0


class Windows(msgspec.Struct, frozen=True):
    """Rolling windows of one owner."""

    minute: Counters = Counters()
    day: Counters = Counters()


class UsageFacts(msgspec.Struct, frozen=True):
    """Usage so far, before this request. `counters` are those that the policy's data declares."""

    principal: Windows = Windows()
    tenant: Windows = Windows()
    counters: dict[str, int] = {}


class LoadFacts(msgspec.Struct, frozen=True):
    """How busy the backend of the model was, `age` seconds ago.

    `pending` requests for the model, of any version, waited in the backend's queue, from whomever
    they came. `queue_ms` is how long those had waited there, on average, that it answered in the
    ten seconds before; None when there were none. `in_flight` are this gateway process's own
    requests to the model that are not over now. `gpu` is the share of their time that the
    backend's GPUs work, 0 to 1, on average; None without one.
    """

    pending: int = 0
    queue_ms: float | None = None
    in_flight: int = 0
    gpu: float | None = None
    age: float = 0.0


class BehaviourFacts(msgspec.Struct, frozen=True):
    """How the principal's requests of the last ten minutes ended, as this process saw them.

    `requests` are all of them; `denied` by the policy, `limited` by a limit, `failed` by the
    gateway or a backend.
    """

    requests: int = 0
    denied: int = 0
    limited: int = 0
    failed: int = 0


Source = Literal["application", "user", "model", "document"]
"""Where a text of a request comes from: the application that calls, the user that it serves, the
model's earlier answers, or what a tool or a document brought in."""


class GuardFacts(msgspec.Struct, frozen=True):
    """What in a request looks like an attack on the model, or is not to be talked about.

    `score` is 0 to 1, how much it reads like an injection or a jailbreak, `families` the kinds of
    pattern that matched. `invisible` characters carry text that no person sees, `encoded` are
    runs that a model could decode, `links` addresses that an answer could leak through. `topics`
    are those of the policy's data whose words or patterns occur.
    """

    score: float = 0.0
    families: tuple[str, ...] = ()
    invisible: int = 0
    encoded: int = 0
    links: int = 0
    topics: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """The policy input: facts, never content (schemas/input.schema.json).

    `gateway/admission` sees `parameters`, `tokens`, `sensitive` and `usage` as null, and `model`
    as null unless the path names one. `exceeded` names the limits that a route decided before
    ran into, where they ask for another. `load` is None where nobody knows, which is not idle;
    it, `behaviour` and `guard` are None at admission. `classifiers` are the scores by label that
    external classifiers gave; `absent` names those, and external detectors, that did not answer.
    `purpose` is what the client says that it wants the answer for, in `x-request-purpose`.
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
    exceeded: tuple[str, ...] = ()
    load: LoadFacts | None = None
    behaviour: BehaviourFacts | None = None
    guard: GuardFacts | None = None
    classifiers: dict[str, dict[str, float]] = {}
    absent: tuple[str, ...] = ()
    purpose: str | None = None


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a request is denied. `rule` is stable; a hidden one is logged and not told."""

    rule: str
    message: str
    status: Literal[403, 404, 422, 429, 451, 503] = 403
    hidden: bool = False


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the request goes: a model and version that the snapshot has, and Envoy's cluster."""

    model: str
    version: str
    cluster: str


Unit = Literal[
    "requests", "prompt_tokens", "completion_tokens", "tokens", "cost", "seconds", "slots"
]
"""What a limit counts. Cost is in micro-units of the prices' currency, seconds are seconds of
computing, slots are requests that run at the moment."""


class TokenBucket(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="bucket"
):
    """What was used flows off, `refill` every `seconds`; the limit's `max` is the burst."""

    refill: Annotated[int, msgspec.Meta(ge=1)]
    seconds: Annotated[int, msgspec.Meta(ge=1)]


class CalendarPeriod(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="calendar"
):
    """An hour, day or month of a time zone. Months begin on their day `anchor`, at midnight."""

    period: Literal["hour", "day", "month"]
    time_zone: str = "UTC"
    anchor: Annotated[int, msgspec.Meta(ge=1, le=28)] = 1


class Lifetime(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="lifetime"
):
    """All time: what was used counts for ever."""


Seconds = Annotated[int, msgspec.Meta(ge=1)]
Window = Seconds | TokenBucket | CalendarPeriod | Lifetime
"""Over what time a limit counts; a number is a rolling window of so many seconds."""


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a request waits for room: at most `max_wait` seconds, behind at most `max_waiting`.

    Classes that wait share what becomes free by their `share`, and tenants inside a class by
    their `weight`.
    """

    max_waiting: Annotated[int, msgspec.Meta(ge=1)]
    max_wait: Annotated[float, msgspec.Meta(gt=0)]
    priority: str = "default"
    share: Annotated[int, msgspec.Meta(ge=1)] = 1
    weight: Annotated[int, msgspec.Meta(ge=1)] = 1


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="limit"):
    """At most `max` of `unit` in any `window`, over everything under `key`.

    `on_exceed` says what becomes of a request that does not fit. `warn_at` are percents of `max`;
    reaching one raises an event, once a window.
    """

    name: str
    key: str
    unit: Unit
    window: Window
    max: Annotated[int, msgspec.Meta(ge=0)]
    on_exceed: Literal["deny", "queue", "clamp", "fallback", "warn"] = "deny"
    queue: Queue | None = None
    warn_at: tuple[Annotated[int, msgspec.Meta(ge=1, le=100)], ...] = ()

    def __post_init__(self) -> None:
        if (self.queue is None) == (self.on_exceed == "queue"):
            raise ValueError("`queue` belongs to on_exceed `queue`, and to nothing else")
        if self.unit == "slots" and not isinstance(self.window, Lifetime):
            raise ValueError("slots have the window `lifetime`: they are free when a request ends")
        if self.on_exceed == "clamp" and self.unit in {"requests", "seconds", "slots"}:
            raise ValueError(f"a request can't be clamped to fewer {self.unit}")

    def __str__(self) -> str:
        """In words: `4000 tokens in 60 s`."""
        most = f"{self.max} {self.unit.replace('_', ' ')}"
        match self.window:
            case TokenBucket(refill=refill, seconds=seconds):
                return f"{most} at once and {refill} more every {seconds} s"
            case CalendarPeriod(period=period):
                return f"{most} in a calendar {period}"
            case Lifetime():
                return f"{most} at once" if self.unit == "slots" else f"{most} in all"
            case seconds:
                return f"{most} in {seconds} s"


Treatment = Literal["placeholder", "redact", "hash", "stand_in", "note", "block"]
"""What becomes of a finding: `placeholder` is put back into the answer, `redact` is gone for good,
`hash` is the same for a tenant's equal originals, `stand_in` is another value of the same format,
`note` leaves it and tells, `block` refuses the answer that holds it."""


class Mask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="mask"):
    """Treat findings of these kinds before a model sees them, or before the client does."""

    kinds: tuple[str, ...]
    treatment: Treatment = "placeholder"
    direction: Literal["request", "answer"] = "request"

    def __post_init__(self) -> None:
        if self.direction == "answer" and self.treatment == "placeholder":
            raise ValueError("a placeholder is put back into the answer: it is for requests")
        if self.direction == "request" and self.treatment == "block":
            raise ValueError("a request is blocked by a deny: `block` is for answers")


class Clamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="clamp"):
    """Lower `max_tokens` to this at most."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1)]


class Context(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="context"
):
    """What becomes of a prompt that is longer than `max_prompt_tokens` or the model's context.

    `drop_oldest` leaves out the oldest turns of a chat, as few as will do; what still does not fit
    is refused. `room` tokens are left to an answer whose length the client does not name.
    """

    on_exceed: Literal["deny", "drop_oldest"] = "deny"
    max_prompt_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    room: Annotated[int, msgspec.Meta(ge=1)] = 1


class Settle(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="settle"
):
    """Charge what the backend counted, where it tells; or the gateway's count if that is larger."""

    by: Literal["larger", "backend"]


class AnswerGuard(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="guard"
):
    """Take links that could carry data out of the answer, or refuse the answer that has one.

    With `allowed_domains` all links are that point elsewhere than to them and their subdomains.
    """

    links: Literal["strip", "block"]
    allowed_domains: tuple[str, ...] = ()


Obligation = Limit | Mask | Clamp | Context | AnswerGuard | Settle


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The policy output (schemas/decision.schema.json)."""

    allow: bool
    reasons: tuple[Reason, ...] = ()
    route: Route | None = None
    obligations: tuple[Obligation, ...] = ()


class Usage(msgspec.Struct, frozen=True):
    """What a request really used, or is known to have used when it was cut.

    `cost` is in micro-units of the prices' currency, `milliseconds` are those of the backend.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0
    milliseconds: int = 0

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
    team: str = ""


class LimitState(msgspec.Struct, frozen=True):
    """One limit after a reservation: `reset` is the seconds until it is whole again.

    None means never, as nothing that counts leaves a lifetime.
    """

    limit: Limit
    remaining: int
    reset: float | None


class Crossing(msgspec.Struct, frozen=True):
    """`percent` of a limit is used up, for the first time in its window.

    `resets_at` is in unix seconds, None for a lifetime.
    """

    limit: Limit
    percent: int
    used: int
    resets_at: float | None


class Delta(msgspec.Struct, frozen=True):
    """A piece of one choice's answer, in the order of arrival.

    `completion_tokens` is cumulative for the choice, `prompt_tokens` is of all prompts; None where
    the backend does not tell. A `finish_reason` closes the choice.
    """

    index: int
    text: str
    finish_reason: str | None = None
    completion_tokens: int | None = None
    prompt_tokens: int | None = None


class Clock(Protocol):
    """Unix seconds. The real one is `time.time`; a simulation brings its own."""

    def __call__(self) -> float: ...

"""The policy input, exactly as it stands in `schemas/input.schema.json`.

These are msgspec structs, so encoding happens in C.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from extauth.types.principal import Principal
from extauth.types.request import Api, Operation


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


class PartFacts(msgspec.Struct, frozen=True):
    """The parts of a chat that nobody here has searched: counts by kind.

    `hosts` are those that a model server would fetch parts from, in lower case, each once; a part
    that is in the request itself has none.
    """

    images: int = 0
    audio: int = 0
    files: int = 0
    hosts: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """The policy input: facts, never content (schemas/input.schema.json).

    `gateway/admission` sees `parameters`, `tokens`, `sensitive` and `usage` as null, and `model`
    as null unless the path names one. `exceeded` names the limits that a route decided before
    ran into, where they ask for another. `load` is None where nobody knows, which is not idle;
    it, `behaviour`,
    `guard` and `parts` are None at admission. `classifiers` are the scores by label that
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
    parts: PartFacts | None = None
    classifiers: dict[str, dict[str, float]] = {}
    absent: tuple[str, ...] = ()
    purpose: str | None = None

"""The policy input, exactly as in `schemas/input.schema.json`.

msgspec structs, so that encoding happens in C.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from extauth.types.principal import Principal
from extauth.types.request import Api, Operation


class RequestFacts(msgspec.Struct, frozen=True):
    """The API that the client called and the operation that it asked for."""

    api: Api
    operation: Operation


class SourceFacts(msgspec.Struct, frozen=True):
    """The peer's address, as Envoy trusts it."""

    ip: str


class TimeFacts(msgspec.Struct, frozen=True):
    """The time at which the request began, to the minute, in the gateway's time zone.

    Minutes are enough for rules, and let equal inputs share one evaluation.
    """

    date: str
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    hour: int
    minute: int


class ModelFacts(msgspec.Struct, frozen=True):
    """The model that the client asked for, by its own name for it.

    The catalogue's facts about the model are in `data.catalog.models`. `bucket` is 0 to 9999, a
    stable hash of principal and model name: a share of 5 % is `bucket < 500`, and a principal keeps
    its bucket.
    """

    name: str
    version: str | None
    alias: str | None
    bucket: int


class Parameters(msgspec.Struct, frozen=True):
    """The generation parameters that a policy may read; None for one that the client did not give.

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
    """Token counts of a request. `max_completion` is the worst case over all choices.

    `exact` is true for the model's own tokenizer, and false for the estimate that stands in for a
    tokenizer that the gateway does not have. The estimate errs upwards.
    """

    prompt: int
    max_completion: int
    exact: bool = True


class Counters(msgspec.Struct, frozen=True):
    """Usage in the current window, settled and reserved together, before this request."""

    requests: int = 0
    tokens: int = 0


class Windows(msgspec.Struct, frozen=True):
    """Usage of one owner in two rolling windows."""

    minute: Counters = Counters()
    day: Counters = Counters()


class UsageFacts(msgspec.Struct, frozen=True):
    """Usage before this request. `counters` are those that the policy's data declares, by name."""

    principal: Windows = Windows()
    tenant: Windows = Windows()
    counters: dict[str, int] = {}


class LoadFacts(msgspec.Struct, frozen=True):
    """The load of the model's backend as read `age` seconds ago.

    `pending` is the number of requests for the model, over all of its versions and from all
    clients, in the backend's queue. `queue_ms` is the mean time in that queue of the requests that
    the backend answered in the ten seconds before the reading, None if it answered none.
    `in_flight` is the number of requests to the model that this gateway process has open now. `gpu`
    is the mean utilisation of the backend's GPUs, 0 to 1, None without a GPU.
    """

    pending: int = 0
    queue_ms: float | None = None
    in_flight: int = 0
    gpu: float | None = None
    age: float = 0.0


class BehaviourFacts(msgspec.Struct, frozen=True):
    """Outcomes of the principal's requests of the last ten minutes that this process served.

    `requests` counts all of them; `denied` those that the policy refused, `limited` those that a
    limit refused, `failed` those that failed in the gateway or in a backend.
    """

    requests: int = 0
    denied: int = 0
    limited: int = 0
    failed: int = 0


Source = Literal["application", "user", "model", "document"]
"""The origin of a text in a request: the calling application, the user that it serves, the model's
earlier answers, or a document that a tool or a retrieval brought in.
"""


class GuardFacts(msgspec.Struct, frozen=True):
    """Signs of an attack on the model in a request, and the topics that it touches.

    `score` is 0 to 1: the likeness to a prompt injection or a jailbreak. `families` are the kinds
    of pattern that matched. `invisible` counts the characters that carry text which no person sees,
    `encoded` the runs that a model could decode, `links` the addresses through which an answer
    could leak data. `topics` are the topics of the policy's data whose words or patterns occur.
    """

    score: float = 0.0
    families: tuple[str, ...] = ()
    invisible: int = 0
    encoded: int = 0
    links: int = 0
    topics: tuple[str, ...] = ()


class PartFacts(msgspec.Struct, frozen=True):
    """The parts of a chat that the gateway has not searched: counts by kind.

    `hosts` are those that a model server would fetch parts from, in lower case, each once; a part
    that is in the request itself has none.
    """

    images: int = 0
    audio: int = 0
    files: int = 0
    hosts: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """The policy input: facts, never content (schemas/input.schema.json).

    At `gateway/admission`, `parameters`, `tokens`, `sensitive`, `usage`, `load`, `behaviour`,
    `guard` and `parts` are null, and so is `model` unless the path names one. `exceeded` names the
    limits that an earlier decision's route ran into, when those limits ask for another route.
    `load` is None where it is unknown, which does not mean idle. `classifiers` are the scores by
    label of each external classifier; `absent` names the classifiers and external detectors that
    did not answer. `purpose` is the client's header `x-request-purpose`.
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


class ListingFacts(Facts, frozen=True):
    """The input of `gateway/listing`: the facts at admission, and the models to decide on.

    `buckets` are the principal's, as in `ModelFacts`, by the model's name.
    """

    buckets: dict[str, int] = {}

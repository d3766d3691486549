"""The policy input, made of what is known at each stage. Facts, never content."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from extauth.types import (
    Api,
    Facts,
    ModelFacts,
    Parameters,
    RequestFacts,
    SourceFacts,
    TimeFacts,
    TokenFacts,
    UsageFacts,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from extauth.types import (
        BehaviourFacts,
        GuardFacts,
        LoadFacts,
        ModelReference,
        PartFacts,
        Principal,
        Target,
    )

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
BUCKETS = 10_000


class Calendar:
    """Unix seconds to `TimeFacts` in one time zone. Keeps the current minute; not thread-safe."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._minute = -1
        self._facts = self._at(0)

    def __call__(self, now: float) -> TimeFacts:
        """The minute that `now` lies in."""
        minute = int(now // 60)
        if minute != self._minute:
            self._facts = self._at(now)
            self._minute = minute
        return self._facts

    def _at(self, now: float) -> TimeFacts:
        local = datetime.fromtimestamp(now, UTC).astimezone(self._zone)
        return TimeFacts(
            date=local.date().isoformat(),
            weekday=WEEKDAYS[local.weekday()],
            hour=local.hour,
            minute=local.minute,
        )


def bucket(principal: str, model: str) -> int:
    """A principal's place in the rollouts of a model: 0 to 9999, uniform, stable everywhere."""
    digest = blake2b(f"{principal}\n{model}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def model_facts(principal: Principal, reference: ModelReference) -> ModelFacts:
    """The model that was asked for, and the principal's place in its rollouts."""
    return ModelFacts(
        name=reference.name,
        version=reference.version,
        alias=reference.alias,
        bucket=bucket(principal.id, reference.name),
    )


def admission_facts(
    target: Target,
    principal: Principal,
    source: str,
    time: TimeFacts,
    *,
    purpose: str | None = None,
) -> Facts:
    """What the request line, the credential and the purpose that the client names tell."""
    return Facts(
        request=RequestFacts(api=target.api, operation=target.operation),
        principal=principal,
        source=SourceFacts(ip=source),
        time=time,
        model=model_facts(principal, target.model) if target.model else None,
        purpose=purpose,
    )


def about_model(admission: Facts, reference: ModelReference) -> Facts:
    """The same, had the path named the model that the body names."""
    return msgspec.structs.replace(admission, model=model_facts(admission.principal, reference))


def at_admission(facts: Facts) -> Facts:
    """What admission was asked about the request that these are the facts of.

    The model is there only where the path names it.
    """
    return Facts(
        request=facts.request,
        principal=facts.principal,
        source=facts.source,
        time=facts.time,
        model=facts.model if facts.request.api is Api.KSERVE else None,
        purpose=facts.purpose,
    )


def inference_facts(
    admission: Facts,
    reference: ModelReference,
    *,
    parameters: Parameters,
    tokens: TokenFacts | None,
    sensitive: dict[str, int],
    usage: UsageFacts,
    load: LoadFacts | None,
    behaviour: BehaviourFacts,
    classifiers: dict[str, dict[str, float]],
    absent: tuple[str, ...],
    guard: GuardFacts,
    parts: PartFacts,
) -> Facts:
    """The same, with what the body tells, and how things are now.

    `tokens` is None for a model the gateway lacks, and so is `load`, as it is where nobody knows.
    """
    return Facts(
        request=admission.request,
        principal=admission.principal,
        source=admission.source,
        time=admission.time,
        model=model_facts(admission.principal, reference),
        parameters=parameters,
        tokens=tokens,
        sensitive=sensitive,
        usage=usage,
        load=load,
        behaviour=behaviour,
        classifiers=classifiers,
        absent=absent,
        guard=guard,
        parts=parts,
        purpose=admission.purpose,
    )

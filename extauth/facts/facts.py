"""The policy input at each stage of a request. Facts, never content."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from extauth.types import (
    Api,
    Facts,
    ListingFacts,
    ModelFacts,
    Parameters,
    RequestFacts,
    SourceFacts,
    TimeFacts,
    TokenFacts,
    UsageFacts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
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
    """Converts unix seconds to `TimeFacts` in one time zone. Not thread-safe: caches the minute."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._minute = -1
        self._facts = self._at(0)

    def __call__(self, now: float) -> TimeFacts:
        """Return the minute that contains `now`."""
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
    """Return a principal's bucket in the rollouts of a model: 0 to 9999, uniform.

    A function of the two names alone, so it is the same in every process and version.
    """
    digest = blake2b(f"{principal}\n{model}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def model_facts(principal: Principal, reference: ModelReference) -> ModelFacts:
    """Return the facts of the model that was asked for, with the principal's rollout bucket."""
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
    """Return the facts that are known before the body: request line, credential, purpose."""
    return Facts(
        request=RequestFacts(api=target.api, operation=target.operation),
        principal=principal,
        source=SourceFacts(ip=source),
        time=time,
        model=model_facts(principal, target.model) if target.model else None,
        purpose=purpose,
    )


def listing_facts(admission: Facts, names: Iterable[str]) -> ListingFacts:
    """Return `admission` for each of these models in turn, with the principal's bucket in each."""
    principal = admission.principal
    return ListingFacts(
        request=admission.request,
        principal=principal,
        source=admission.source,
        time=admission.time,
        purpose=admission.purpose,
        buckets={name: bucket(principal.id, name) for name in names},
    )


def about_model(admission: Facts, reference: ModelReference) -> Facts:
    """Return `admission` with the model that the body names, as if the path had named it."""
    return msgspec.structs.replace(admission, model=model_facts(admission.principal, reference))


def at_admission(facts: Facts) -> Facts:
    """Return the facts that admission had decided on, from a request's later facts.

    The model is included only where the path names it, as KServe's does.
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
    """Return `admission` with the facts of the body and of the gateway's current state.

    `tokens` and `load` are None for a model that the snapshot does not have; `load` also where it
    is unknown.
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

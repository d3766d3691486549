"""Outcomes of a canary's two groups, from their audit records."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Literal

import msgspec

from extauth.audit import Outcome
from extauth.errors import StackError
from extauth.types import Usage
from extauth.usage.prices import cost, price_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from extauth.usage.prices import Priced

Group = Literal["live", "candidate"]
GROUPS: tuple[Group, ...] = ("live", "candidate")

_WAITING = frozenset({"body", "backend", "stream"})
"""Stages in which the gateway waits for the client or the backend."""


class _Part(msgspec.Struct):
    candidate: str
    group: Group
    error: str | None = None


class _Route(msgspec.Struct):
    model: str
    version: str


class _Principal(msgspec.Struct):
    id: str


class _Record(msgspec.Struct):
    """The part of an audit record that the outcomes need."""

    outcome: Outcome
    status: int
    time: float
    trial: _Part | None = None
    principal: _Principal | None = None
    route: _Route | None = None
    usage: Usage | None = None
    timings: dict[str, int] = {}


class Outcomes(msgspec.Struct):
    """Outcomes of a group. Latencies are microseconds in the gateway, without client and backend.

    `denied` counts all denies, `too_many` the answers of 429, by limit or rule, `errors` the
    requests on which the candidate failed, so that the live policy decided. `cost` is in
    micro-units.
    """

    requests: int = 0
    principals: int = 0
    served: int = 0
    denied: int = 0
    too_many: int = 0
    errors: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0
    p50: int = 0
    p99: int = 0


def outcomes(
    records: Iterable[bytes], candidate: str, models: Mapping[str, Priced]
) -> dict[Group, Outcomes]:
    """Return the outcomes of the canary of `candidate`, from audit records as JSON.

    Costs are at the prices of `models`. Raises StackError for a record that can't be read.
    """
    decode = msgspec.json.Decoder(_Record).decode
    groups = {group: Outcomes() for group in GROUPS}
    spent = {group: array("Q") for group in GROUPS}
    principals: dict[Group, set[str]] = {group: set() for group in GROUPS}
    for text in records:
        try:
            record = decode(text)
        except msgspec.MsgspecError as error:
            raise StackError(f"an audit record can't be read: {error}") from None
        part = record.trial
        if part is None or part.candidate != candidate:
            continue
        _count(groups[part.group], record)
        if record.principal is not None:
            principals[part.group].add(record.principal.id)
        if record.usage is not None and record.route is not None:
            model = models.get(record.route.model)
            groups[part.group].cost += _cost(record.usage, record.route, record.time, model)
        own = sum(time for stage, time in record.timings.items() if stage not in _WAITING)
        spent[part.group].append(own)
    for name, group in groups.items():
        times = sorted(spent[name])
        group.principals = len(principals[name])
        group.p50, group.p99 = _percentile(times, 50), _percentile(times, 99)
    return groups


def _count(group: Outcomes, record: _Record) -> None:
    group.requests += 1
    group.served += record.outcome is Outcome.SERVED
    group.denied += record.outcome is Outcome.DENIED
    group.too_many += record.status == 429
    group.errors += record.trial is not None and record.trial.error is not None
    if record.usage is not None:
        group.prompt_tokens += record.usage.prompt_tokens
        group.completion_tokens += record.usage.completion_tokens


def _cost(usage: Usage, route: _Route, at: float, model: Priced | None) -> int:
    if model is None:
        return 0
    price = price_of(model, route.version, at)
    return cost(price, usage.prompt_tokens, usage.completion_tokens)


def _percentile(times: list[int], percent: int) -> int:
    """Return the percentile by nearest rank, 0 without any value."""
    return times[(len(times) * percent + 99) // 100 - 1] if times else 0

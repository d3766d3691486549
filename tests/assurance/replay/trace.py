"""Recorded decisions, made by the shipped policies from varied requests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from extauth.audit import AuditRecord, Outcome
from extauth.facts import at_admission, bucket
from extauth.obligations import Decision
from extauth.policy import Entrypoint
from extauth.types import (
    Api,
    BehaviourFacts,
    Counters,
    Facts,
    GuardFacts,
    LoadFacts,
    ModelFacts,
    Operation,
    Parameters,
    Principal,
    RequestFacts,
    SourceFacts,
    TimeFacts,
    TokenFacts,
    Usage,
    UsageFacts,
    Windows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.policy import WasmEngine

START = 1_790_000_000.0  # 2026-09-21T14:13:20Z, a Monday
PEOPLE = tuple(
    Principal(f"{tenant}/{name}-{number}", "api_key", tenant, tier, (role,), region)
    for number in range(8)
    for tenant, name, tier, role, region in (
        ("acme", "ada", "premium", "developer", "eu-west"),
        ("globex", "bob", "free", "viewer", "us-east"),
        ("platform", "root", "internal", "admin", "eu-west"),
        ("umbrella", "eve", "free", "developer", "eu-west"),
    )
)


def asked(chance: random.Random, at: float) -> Facts:
    """The facts of some chat."""
    person = chance.choice(PEOPLE)
    prompt, most = chance.randrange(1, 700), chance.randrange(1, 900)
    used = Counters(chance.randrange(20), chance.randrange(4000))
    minute = int(at // 60)
    return Facts(
        request=RequestFacts(Api.OPENAI, Operation.CHAT),
        principal=person,
        source=SourceFacts("192.0.2.1"),
        time=TimeFacts("2026-09-21", "monday", minute // 60 % 24, minute % 60),
        model=ModelFacts("chat", None, None, bucket(person.id, "chat")),
        parameters=Parameters(max_tokens=most, temperature=chance.choice((None, 0.5, 1.8))),
        tokens=TokenFacts(prompt, most),
        sensitive=chance.choice(({}, {}, {"email": 1})),
        usage=UsageFacts(Windows(used, used), Windows(used, used)),
        load=LoadFacts(pending=chance.randrange(4), in_flight=chance.randrange(9), age=0.4),
        behaviour=BehaviourFacts(requests=chance.randrange(40), denied=chance.randrange(3)),
        guard=GuardFacts(score=chance.choice((0.0, 0.1, 0.9)), links=chance.randrange(2)),
    )


def records(
    engine: WasmEngine, count: int, *, seed: int = 0, every: float = 0.5
) -> Iterator[AuditRecord]:
    """So many records, one each `every` seconds, decided by the engine's policies."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    for number in range(count):
        at = START + number * every
        facts = asked(chance, at)
        head = at_admission(facts)
        decision = engine.ask(Entrypoint.ADMISSION, head)
        admitted = decision.allow
        if admitted:
            decision = engine.ask(Entrypoint.INFERENCE, facts)
        yield record(f"request-{number}", at, facts if admitted else head, decision, chance)


def record(
    request_id: str, at: float, facts: Facts, decision: Decision, chance: random.Random
) -> AuditRecord:
    """The record of one request, answered where it was allowed."""
    usage = None
    if decision.allow and facts.tokens is not None:
        usage = Usage(facts.tokens.prompt, chance.randrange(facts.tokens.max_completion + 1))
    return AuditRecord(
        request_id=request_id,
        time=at,
        snapshot="0" * 64,
        engine="wasm",
        source="192.0.2.1",
        outcome=Outcome.SERVED if decision.allow else Outcome.DENIED,
        status=200 if decision.allow else 403,
        api=facts.request.api,
        operation=facts.request.operation,
        principal=facts.principal,
        facts=facts,
        decision=decision,
        rules=tuple(reason.rule for reason in decision.reasons),
        error=decision.reasons[0].rule if decision.reasons else None,
        route=decision.route if usage else None,
        usage=usage,
        timings={"identify": 100, "backend": chance.randrange(3_000_000)} if usage else {},
    )


def line(each: AuditRecord) -> bytes:
    """As `sluice audit export` writes it."""
    return msgspec.json.encode(each) + b"\n"


def read(path: Path) -> list[AuditRecord]:
    return [msgspec.json.decode(row, type=AuditRecord) for row in path.read_bytes().splitlines()]

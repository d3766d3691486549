"""The list of models is what admission says of each of them, by both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from extauth.facts import admission_facts, bucket, listing_facts
from extauth.policy import LISTING, Entrypoint, WasmEngine
from extauth.policy.cases import load_cases
from extauth.types import Api, Facts, ModelReference, Operation, Principal, Target
from tests.policy.conftest import CATALOG, POLICIES, TIMEOUT, build
from tests.policy.facts import ADA, NOON
from tests.policy.facts import facts as any_facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.policy import PolicyEngine
    from extauth.policy.opa_server import OpaServerEngine

pytestmark = pytest.mark.slow

CASES = load_cases(POLICIES / "cases")
WHO = list({repr(case.facts.principal): case.facts.principal for case in CASES}.values())
OPERATIONS = (Operation.MODELS_RETRIEVE, Operation.MODEL_READY)


def references() -> Iterator[tuple[str, ModelReference]]:
    """Every name by which a model can be asked for."""
    for name, model in CATALOG.items():
        yield name, ModelReference(name)
        for version in model["versions"]:
            yield f"{name}@{version}", ModelReference(name, version=version)
        for alias in model["aliases"]:
            yield f"{name}@{alias}", ModelReference(name, alias=alias)


async def one_by_one(engine: PolicyEngine, facts: Facts) -> set[str]:
    """The names that admission allows, each asked for by itself."""
    allowed = set()
    for name, reference in references():
        target = Target(facts.request.api, facts.request.operation, reference)
        asked = admission_facts(
            target, facts.principal, facts.source.ip, facts.time, purpose=facts.purpose
        )
        if (await engine.decide(Entrypoint.ADMISSION, asked)).allow:
            allowed.add(name)
    return allowed


def about(principal: Principal, operation: Operation = Operation.MODELS_RETRIEVE) -> Facts:
    """What a principal asks for a list with."""
    return admission_facts(Target(Api.OPENAI, operation), principal, "198.51.100.20", NOON)


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_it_is_what_admission_says_of_every_model_to_every_principal(
    wasm: WasmEngine, served: OpaServerEngine, operation: Operation
) -> None:
    lists = set()
    for principal in WHO:
        facts = about(principal, operation)
        listed = await wasm.list_models(listing_facts(facts, CATALOG))
        assert listed == await one_by_one(wasm, facts), principal.id
        assert listed == await served.list_models(listing_facts(facts, CATALOG)), principal.id
        lists.add(listed)
    # Else it would say nothing.
    assert len(lists) > 1


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(facts=any_facts)
async def test_it_is_whatever_the_facts_are(
    facts: Facts, wasm: WasmEngine, served: OpaServerEngine
) -> None:
    asked = listing_facts(facts, CATALOG)
    listed = await wasm.list_models(asked)
    assert listed == await one_by_one(wasm, facts)
    assert listed == await served.list_models(asked)


async def test_only_what_is_asked_about_is_listed(wasm: WasmEngine) -> None:
    facts = about(ADA)
    assert await wasm.list_models(listing_facts(facts, ["echo"])) == {"echo", "echo@1"}
    assert await wasm.list_models(listing_facts(facts, ["nonesuch"])) == frozenset()
    assert await wasm.list_models(listing_facts(facts, [])) == frozenset()


async def test_a_rule_on_the_share_of_a_rollout_sees_each_models_own(tmp_path: Path) -> None:
    """No shipped rule looks at it in admission; any may."""
    (tmp_path / "admission.rego").write_text(
        'package gateway.admission\n\ndecision := {"allow": input.model.bucket < 5000}\n'
    )
    (tmp_path / "inference.rego").write_text(
        'package gateway.inference\n\ndecision := {"allow": false}\n'
    )
    engine = WasmEngine(build(tmp_path / "built", tmp_path).directory, TIMEOUT)
    try:
        for number in range(20):
            principal = replace(ADA, id=f"acme/{number}")
            listed = await engine.list_models(listing_facts(about(principal), CATALOG))
            low = {name for name in CATALOG if bucket(principal.id, name) < 5000}
            assert {name for name, at in references() if at.name in low} == listed
    finally:
        await engine.close()


async def test_a_server_is_asked_for_it_once(
    served: OpaServerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = served._client.query_rule

    async def counted(facts: object, path: str, **options: object) -> object:
        asked.append(path)
        return await ask(facts, path, **options)

    monkeypatch.setattr(served._client, "query_rule", counted)
    await served.list_models(listing_facts(about(ADA), CATALOG))
    assert asked == [LISTING]

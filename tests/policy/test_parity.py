"""Both engines decide alike: every case, and any input that the types allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from extauth.obligations import Decision
from extauth.policy import Entrypoint
from extauth.policy.cases import Case, check, load_cases
from tests.policy.conftest import POLICIES
from tests.policy.facts import facts as any_facts

if TYPE_CHECKING:
    from extauth.policy import WasmEngine
    from extauth.policy.opa_server import OpaServerEngine
    from extauth.types import Facts

pytestmark = pytest.mark.slow

CASES = load_cases(POLICIES / "cases")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_case(case: Case, wasm: WasmEngine, served: OpaServerEngine) -> None:
    assert await check(case, wasm) == ()
    assert await check(case, served) == ()
    assert await wasm.decide(case.entrypoint, case.facts) == await served.decide(
        case.entrypoint, case.facts
    )


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(facts=any_facts)
async def test_any_facts(facts: Facts, wasm: WasmEngine, served: OpaServerEngine) -> None:
    for entrypoint in Entrypoint:
        decision = await wasm.decide(entrypoint, facts)
        assert await served.decide(entrypoint, facts) == decision
        assert_sound(entrypoint, decision)


def assert_sound(entrypoint: Entrypoint, decision: Decision) -> None:
    """What every decision of these policies keeps, whatever is asked."""
    rules = [reason.rule for reason in decision.reasons]
    assert rules == sorted(rules)
    assert "policy.undecided" not in rules
    if not decision.allow:
        assert rules
        assert decision.route is None
        assert decision.obligations == ()
    elif entrypoint is Entrypoint.INFERENCE:
        assert rules == []
        assert decision.route is not None
        assert any(
            obligation.__struct_config__.tag == "limit" for obligation in decision.obligations
        )
    if "model.unknown" in rules:
        told = [reason.rule for reason in decision.reasons if not reason.hidden]
        assert not {"model.version", "model.alias", "tokens.prompt"} & set(told)


@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(facts=any_facts)
async def test_a_hidden_model_and_none_are_told_alike(facts: Facts, wasm: WasmEngine) -> None:
    """Whoever may not see embed learns the same of it as of a model that isn't there."""
    if facts.model is None:
        return
    for entrypoint in Entrypoint:
        hidden = await told(wasm, entrypoint, facts, "embed")
        if "does not exist" in hidden:
            absent = await told(
                wasm, entrypoint, msgspec.structs.replace(facts, tokens=None), "gone"
            )
            assert hidden.replace("`embed`", "`gone`") == absent


async def told(engine: WasmEngine, entrypoint: Entrypoint, facts: Facts, name: str) -> str:
    """What the client may read of the decision when it asks for the model of that name."""
    assert facts.model is not None
    asked = msgspec.structs.replace(facts, model=msgspec.structs.replace(facts.model, name=name))
    decision = await engine.decide(entrypoint, asked)
    return repr([reason for reason in decision.reasons if not reason.hidden])

"""Decisions of the shipped policies, explained: who said it, where, why, and who nearly did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.assurance.explanation.explained import Condition, Explanation
from extauth.assurance.explanation.subject import Subject
from extauth.audit import AuditRecord, Outcome
from extauth.obligations import Decision, Reason

from .conftest import ADA, PROMPT, Explain, facts, place

if TYPE_CHECKING:
    from extauth.assurance.explanation import Explainer

pytestmark = pytest.mark.slow


def values(condition: Condition) -> dict[str, object]:
    return {value.name: value.value for value in condition.values}


def failed(explanation: Explanation) -> dict[str, str]:
    """What failed of the rules that nearly fired."""
    return {item.reason.rule: item.failed.text for item in explanation.nearly}


@pytest.mark.parametrize(
    ("changes", "rule", "file", "condition", "value"),
    [
        (
            ("principal.tier=gold",),
            "tier.unknown",
            "gateway/tier/tier.rego",
            "not complete",
            {"input.principal.tier": "gold"},
        ),
        (
            ("principal.tenant=initech", "source.ip=203.0.113.9"),
            "network.source",
            "gateway/network/network.rego",
            "not inside(networks)",
            {"input.source.ip": "203.0.113.9"},
        ),
        (
            ("principal.tenant=initech", "source.ip=192.0.2.9", "time.hour=7"),
            "hours.closed",
            "gateway/hours/hours.rego",
            "not open(windows)",
            {"input.time.hour": 7, "input.time.weekday": "wednesday"},
        ),
        (
            ("parameters.temperature=2.5",),
            "parameters.temperature",
            "gateway/parameters/parameters.rego",
            "asked.temperature > ceiling",
            {"asked.temperature": 2.5, "ceiling": 2},
        ),
        (
            ('principal.roles=["viewer"]', "request.operation=embeddings"),
            "rbac.api",
            "gateway/rbac/rbac.rego",
            "not permits_operation",
            {"input.principal.roles": ["viewer"], "input.request.operation": "embeddings"},
        ),
    ],
)
def test_a_deny_tells_its_rule_and_the_values_that_made_it_hold(
    explain: Explain,
    *,
    changes: tuple[str, ...],
    rule: str,
    file: str,
    condition: str,
    value: dict[str, object],
) -> None:
    explanation = explain(*changes)

    assert explanation.decision is not None
    assert not explanation.decision.allow
    (fired,) = (item for item in explanation.fired if item.reason.rule == rule)
    assert fired.reason in explanation.decision.reasons
    assert fired.place.startswith(f"{file}:")
    (held,) = (item for item in fired.conditions if item.text == condition)
    assert held.place.startswith(f"{file}:")
    assert value.items() <= values(held).items()


def test_places_are_those_of_the_policy_repository(explain: Explain) -> None:
    (fired,) = explain(PROMPT, "tokens.prompt=9000").fired

    file = "gateway/tokens/tokens.rego"
    head = place(file, "deny contains reason.forbidden(")
    line = int(head.rpartition(":")[2])
    assert fired.place == head
    assert [(item.place, values(item)) for item in fired.conditions] == [
        (
            f"{file}:{line + 1}",
            {
                "ceiling": 8192,
                "input.principal.tier": "premium",
            },
        ),
        (
            f"{file}:{line + 2}",
            {
                "input.tokens.prompt": 9000,
                "ceiling": 8192,
            },
        ),
        (
            f"{file}:{line + 3}",
            {
                "input.principal.tenant": "acme",
                "input.principal.tier": "premium",
                "input.request.operation": "completions",
            },
        ),
    ]


def test_a_helper_without_a_value_tells_where_it_ended(explain: Explain) -> None:
    (fired,) = explain("principal.roles=[]").fired

    (condition,) = fired.conditions
    assert [(item.text, values(item)["count(granting)"]) for item in condition.because] == [
        ("count(granting) > 0", 0)
    ]


def test_what_is_hidden_from_the_client_is_told_to_the_engineer(explain: Explain) -> None:
    explanation = explain('principal.roles=["viewer"]', "model.name=echo")

    hidden = {item.reason.rule for item in explanation.fired if item.reason.hidden}
    assert hidden == {"rbac.model"}
    assert {item.reason.rule for item in explanation.fired} == {"model.unknown", "rbac.model"}


def test_a_rule_nearly_fired_when_one_condition_failed(explain: Explain) -> None:
    explanation = explain(
        "principal.tier=free", "parameters.max_tokens=400", "parameters.stream=true"
    )

    near = failed(explanation)
    assert near["tokens.completion"] == "asked > ceiling"
    assert near["streaming.forbidden"] == "not tier.profile.streaming"
    (completion,) = (item for item in explanation.nearly if item.reason.rule == "tokens.completion")
    assert values(completion.failed) == {"asked": 400, "ceiling": 512}
    assert completion.failed.place == place("gateway/tokens/tokens.rego", "asked > ceiling")


def test_a_rule_of_which_two_conditions_failed_did_not_nearly_fire(explain: Explain) -> None:
    # Premium is clamped rather than refused, and asks for too little as well.
    assert "tokens.completion" not in failed(explain("parameters.max_tokens=400"))
    assert failed(explain("parameters.max_tokens=5000"))["tokens.completion"] == (
        'tier.profile.over_max_tokens == "deny"'
    )


def test_rules_for_others_are_no_near_misses(explain: Explain) -> None:
    near = failed(explain())

    assert "network.source" not in near
    assert "hours.closed" not in near


def test_what_fired_did_not_nearly_fire(explain: Explain) -> None:
    explanation = explain(PROMPT, "tokens.prompt=9000")

    fired = {item.reason.rule for item in explanation.fired}
    assert fired == {"tokens.prompt"}
    assert not fired & failed(explanation).keys()


def test_each_obligation_tells_its_rule(explain: Explain) -> None:
    explanation = explain(
        'sensitive={"email": 1}', "parameters.max_tokens=null", "tokens.max_completion=9000"
    )

    assert explanation.decision is not None
    given = {
        item.obligation["type"]: item
        for item in explanation.obligations
        if item.obligation.get("direction") != "answer"
    }
    assert len(explanation.obligations) == len(explanation.decision.obligations)
    assert given["mask"].place == place(
        "gateway/privacy/privacy.rego", "obligations contains obligation.mask("
    )
    assert given["guard"].place == place(
        "gateway/guard/guard.rego", "obligations contains obligation.guard("
    )
    assert given["clamp"].place == place(
        "gateway/tokens/tokens.rego", "obligations contains obligation.clamp"
    )
    limits = {
        item.obligation["name"]: item.place
        for item in explanation.obligations
        if item.obligation["type"] == "limit"
    }
    assert limits["principal-tokens"] == place("gateway/limits/limits.rego", "obligations := ")
    assert limits["tenant-budget"] == place("gateway/budgets/budgets.rego", "obligations := ")


@pytest.mark.parametrize(
    ("changes", "version", "start"),
    [
        (("model.bucket=10",), "2", "preferred := canary.version"),
        (("model.bucket=9000",), "1", "} else := model.entry.default"),
        (("model.alias=stable",), "1", "version := model.entry.aliases[model.alias]"),
        (("model.version=2",), "2", "version := model.version"),
    ],
)
def test_the_route_tells_where_its_version_came_from(
    explain: Explain, changes: tuple[str, ...], version: str, start: str
) -> None:
    route = explain(*changes).route

    assert route is not None
    assert route.place == place("gateway/routing/routing.rego", "route := {")
    assert route.route.version == version
    assert place("gateway/routing/routing.rego", start) in [step.place for step in route.steps]


def test_admission_is_explained_where_it_denies_as_well(explain: Explain) -> None:
    explanation = explain("principal.roles=[]")

    assert explanation.stage == "inference"
    assert explanation.admission is not None
    assert [item.reason.rule for item in explanation.admission.fired] == ["rbac.api"]
    assert explain(PROMPT, "tokens.prompt=9000").admission is None


def test_facts_without_a_body_are_of_admission(hurried: Explainer) -> None:
    early = msgspec.structs.replace(
        facts("principal.roles=[]"),
        model=None, parameters=None, tokens=None, sensitive=None, usage=None,
    )  # fmt: skip

    explanation = hurried.explain(Subject(early))

    assert explanation.stage == "admission"
    assert [item.reason.rule for item in explanation.fired] == ["rbac.api"]


def record(*changes: str, decision: Decision | None, outcome: Outcome) -> AuditRecord:
    return AuditRecord(
        request_id="one", time=0, snapshot="0" * 64, engine="wasm", source="192.0.2.1",
        outcome=outcome, status=429, facts=facts(*changes), decision=decision, principal=ADA,
    )  # fmt: skip


def test_policies_that_decide_otherwise_than_was_recorded_say_so(hurried: Explainer) -> None:
    denied = Decision(allow=False, reasons=(Reason("gone.rule", "no more"),))
    recorded = record(decision=denied, outcome=Outcome.DENIED)

    explanation = hurried.explain(Subject(recorded.facts, recorded))

    assert explanation.decision is not None
    assert explanation.decision.allow
    assert explanation.recorded is not None
    assert explanation.recorded.differs
    same = record(decision=explanation.decision, outcome=Outcome.LIMITED)
    again = hurried.explain(Subject(same.facts, same)).recorded
    assert again is not None
    assert not again.differs


def test_a_request_that_no_policy_saw_is_told_as_it_is(hurried: Explainer) -> None:
    recorded = msgspec.structs.replace(
        record(decision=None, outcome=Outcome.DENIED), facts=None, error="invalid_api_key"
    )

    explanation = hurried.explain(Subject(None, recorded))

    assert explanation.decision is None
    assert explanation.note == "the request ended before any policy was asked"

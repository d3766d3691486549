"""Policies see facts, and nothing that the client wrote."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from extauth.facts.facts import (
    BUCKETS,
    Calendar,
    admission_facts,
    at_admission,
    bucket,
    inference_facts,
)
from extauth.types import (
    Api,
    BehaviourFacts,
    GuardFacts,
    LoadFacts,
    ModelReference,
    Operation,
    Parameters,
    PartFacts,
    Principal,
    Target,
    TimeFacts,
    TokenFacts,
    UsageFacts,
)

ADA = Principal(id="acme/ada", kind="api_key", tenant="acme", tier="premium")
# 2026-03-29 00:59:59 UTC: a second before Europe/Berlin leaves 01:59 for 03:00.
BEFORE_SUMMER_TIME = 1774745999.0


def test_time_is_the_local_minute() -> None:
    at = Calendar(ZoneInfo("Europe/Berlin"))
    assert at(BEFORE_SUMMER_TIME) == TimeFacts("2026-03-29", "sunday", 1, 59)
    assert at(BEFORE_SUMMER_TIME + 1) == TimeFacts("2026-03-29", "sunday", 3, 0)


def test_time_may_step_back() -> None:
    at = Calendar(ZoneInfo("UTC"))
    at(BEFORE_SUMMER_TIME + 3600)
    assert at(BEFORE_SUMMER_TIME).hour == 0


def test_equal_minutes_are_equal_facts() -> None:
    at = Calendar(ZoneInfo("UTC"))
    assert at(120.0) == at(179.9) != at(180.0)


def test_admission_sees_the_model_that_the_path_names() -> None:
    target = Target(Api.KSERVE, Operation.GENERATE, ModelReference("chat", version="2"))
    facts = admission_facts(target, ADA, "10.1.2.3", TimeFacts("2026-03-29", "sunday", 1, 59))
    assert facts.model is not None
    assert (facts.model.name, facts.model.version, facts.model.alias) == ("chat", "2", None)
    assert facts.source.ip == "10.1.2.3"
    assert facts.tokens is facts.parameters is facts.sensitive is facts.usage is None


def test_what_admission_was_asked_is_told_by_what_inference_was_asked() -> None:
    minute = TimeFacts("2026-03-29", "sunday", 1, 59)
    for target in (
        Target(Api.KSERVE, Operation.GENERATE, ModelReference("chat", version="2")),
        Target(Api.OPENAI, Operation.CHAT),
    ):
        early = admission_facts(target, ADA, "10.1.2.3", minute, purpose="research")
        late = inference_facts(
            early,
            ModelReference("chat", version="2"),
            parameters=Parameters(),
            tokens=TokenFacts(3, 4),
            sensitive={"email": 1},
            usage=UsageFacts(),
            load=LoadFacts(),
            behaviour=BehaviourFacts(),
            classifiers={"injection": {"injection": 0.5}},
            absent=("presidio",),
            guard=GuardFacts(),
            parts=PartFacts(images=1),
        )
        assert at_admission(late) == early


@given(st.text(max_size=40), st.text(max_size=20))
def test_a_bucket_is_stable_and_in_range(principal: str, model: str) -> None:
    assert bucket(principal, model) == bucket(principal, model)
    assert 0 <= bucket(principal, model) < BUCKETS


def test_buckets_are_known_to_every_version_and_language() -> None:
    r"""blake2b-64 of `principal\nmodel`, big-endian, modulo 10,000: a change moves everybody."""
    assert [bucket("acme/ada", "chat"), bucket("acme/ada", "echo")] == [3822, 8984]


def test_buckets_are_uniform() -> None:
    share = sum(bucket(f"tenant/{n}", "chat") < 1000 for n in range(20_000)) / 20_000
    assert 0.09 < share < 0.11

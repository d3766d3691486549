"""Single changes that flip a decision: each does, and none nearer would."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from extauth.assurance.explanation.flips import MOST
from extauth.assurance.explanation.leaves import document_of
from extauth.assurance.explanation.subject import Subject, stage
from extauth.errors import GatewayError
from extauth.policy import WasmEngine
from extauth.types import Facts
from tests.policy.facts import facts as any_facts

from .conftest import PROMPT, Explain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.assurance.explanation import Explainer
    from extauth.assurance.explanation.explained import Explanation, Flip
    from extauth.assurance.explanation.policies import Policies

pytestmark = pytest.mark.slow


def flips(explanation: Explanation) -> dict[str, Any]:
    assert explanation.searched
    return {flip.path: flip.after for flip in explanation.flips}


def changed(before: Facts, path: str, value: Any) -> Facts:
    document: dict[str, Any] = document_of(before)
    holder = document
    # A kind of finding is one name, whatever it holds.
    *parts, last = path.split(".", 1 if path.startswith("sensitive.") else -1)
    for part in parts:
        holder = holder[part]
    holder[last] = value
    return msgspec.convert(document, Facts)


@pytest.mark.parametrize(
    ("changes", "path", "after"),
    [
        ((PROMPT, "tokens.prompt=9000"), "tokens.prompt", 8192),
        (("parameters.temperature=2.57",), "parameters.temperature", 2.0),
        (("parameters.n=7",), "parameters.n", 4),
        (("principal.tier=free", "parameters.max_tokens=600"), "parameters.max_tokens", 512),
        (("principal.tier=free", 'sensitive={"secret": 3}'), "sensitive.secret", 0),
        (("principal.tenant=initech", "source.ip=192.0.2.1", "time.hour=7"), "time.hour", 8),
        (("principal.tenant=initech", "source.ip=192.0.3.9"), "source.ip", "192.0.2.255"),
        (("model.version=9",), "model.version", "1"),
        (("model.name=chatt",), "model.name", "chat"),
        (("usage.principal.day.tokens=6000000",), "usage.principal.day.tokens", 4_999_999),
    ],
)
def test_a_deny_tells_what_would_be_allowed(
    search: Explain, changes: tuple[str, ...], path: str, after: object
) -> None:
    assert flips(search(*changes))[path] == after


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            ("parameters.temperature=1.3", "parameters.tools=30"),
            {"parameters.temperature": 2.01, "parameters.tools": 33},
        ),
        ((PROMPT, "tokens.prompt=8000"), {"tokens.prompt": 8193}),
    ],
)
def test_an_allow_tells_what_would_be_denied_and_by_which_rule(
    search: Explain, changes: tuple[str, ...], expected: dict[str, float]
) -> None:
    explanation = search(*changes)

    assert expected.items() <= flips(explanation).items()
    for path in expected:
        (flip,) = (item for item in explanation.flips if item.path == path)
        assert flip.rules == (path,)


def test_a_role_that_would_do_is_named(search: Explain) -> None:
    (flip,) = (
        item
        for item in search('principal.roles=["viewer"]', "model.name=echo").flips
        if item.path == "principal.roles"
    )

    assert all("viewer" in roles for roles in (flip.after, *flip.also))
    added = {role for roles in (flip.after, *flip.also) for role in roles} - {"viewer"}
    assert added == {"admin", "developer"}


def test_what_a_client_controls_comes_before_who_it_is(search: Explain) -> None:
    found = list(flips(search("principal.tier=free", "tokens.prompt=600")))

    assert found == ["tokens.prompt", "principal.tier"]


def test_two_reasons_that_have_nothing_in_common_need_more_than_one_change(
    search: Explain,
) -> None:
    assert flips(search("principal.tier=gold", "principal.roles=[]")) == {}


def test_a_search_that_has_no_time_says_so(explain: Explain) -> None:
    explanation = explain(PROMPT, "tokens.prompt=9000")

    assert not explanation.searched
    assert explanation.note == "there was not time to search all single changes"


@pytest.fixture(scope="session")
def engine(shipped: Policies) -> Iterator[WasmEngine]:
    """The policies that decide."""
    made = WasmEngine(shipped.directory, 5)
    yield made
    asyncio.run(made.close())


@given(before=any_facts)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_reported_flip_flips_and_no_nearer_number_does(
    engine: WasmEngine, explainer: Explainer, before: Facts
) -> None:
    explanation = explainer.explain(Subject(before))
    assert explanation.decision is not None
    allow = explanation.decision.allow

    def ask(flip: Flip, value: Any) -> bool:
        try:
            return engine.ask(stage(before), changed(before, flip.path, value)).allow
        except GatewayError:
            return False

    for flip in explanation.flips:
        for value in (flip.after, *flip.also):
            assert ask(flip, value) is not allow, flip
        if flip.step is not None:
            way = flip.step if flip.after < flip.before else -flip.step
            nearer = round(flip.after + way, 10)
            if (nearer <= flip.before) is (flip.after < flip.before):
                assert ask(flip, nearer) is allow, flip
    paths = [flip.path for flip in explanation.flips]
    assert len(paths) == len(set(paths)) <= MOST


def test_what_the_guard_found_may_be_what_flips_it(search: Explain) -> None:
    explanation = search(
        'guard={"score": 0.9, "families": [], "invisible": 0, "encoded": 0, "links": 0, '
        '"topics": []}'
    )

    assert [item.reason.rule for item in explanation.fired] == ["guard.injection"]
    assert explanation.flips[0].path == "guard.score"
    assert explanation.flips[0].after < 0.8

"""`--what-if`: the decision with other facts, and what is said of facts that there can't be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.assurance.explanation.altered import alter
from extauth.assurance.explanation.subject import Subject
from extauth.errors import ConfigurationError

from .conftest import BASE, PROMPT, facts

if TYPE_CHECKING:
    from extauth.assurance.explanation import Explainer

pytestmark = pytest.mark.slow


def test_a_change_decides_again_and_tells_the_rules_that_differ(hurried: Explainer) -> None:
    asked = Subject(facts(PROMPT, "parameters.temperature=2.5"))

    explanation = hurried.explain(asked, ("tokens.prompt=9000", "parameters.temperature=1"))

    altered = explanation.what_if
    assert altered is not None
    assert [(item.path, item.before, item.after) for item in altered.changes] == [
        ("tokens.prompt", 20, 9000),
        ("parameters.temperature", 2.5, 1),
    ]
    assert not altered.decision.allow
    assert [item.reason.rule for item in altered.appeared] == ["tokens.prompt"]
    assert [item.reason.rule for item in altered.gone] == ["parameters.temperature"]
    # The explanation itself is of what was asked.
    assert [item.reason.rule for item in explanation.fired] == ["parameters.temperature"]


def test_a_change_tells_the_obligations_that_differ(hurried: Explainer) -> None:
    altered = hurried.explain(Subject(BASE), ('sensitive={"email": 1}',)).what_if

    assert altered is not None
    assert altered.decision.allow
    (mask,) = altered.obligations_appeared
    assert mask["type"] == "mask"
    assert altered.obligations_gone == ()


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ("tokens.prompt=9000", 9000),
        ("input.tokens.prompt=9000", 9000),
        ("principal.tier=free", "free"),
        ('principal.tier="free"', "free"),
        ("model.version=2", "2"),
        ("model.version=null", None),
        ("principal.roles=[]", []),
        ("sensitive.secret=1", 1),
        ("principal.attributes.team=red", "red"),
    ],
)
def test_a_value_is_json_or_bare_text(wish: str, told: object) -> None:
    _, (change,) = alter(BASE, (wish,))

    assert change.after == told


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ("tokens.promt=1", "tokens.promt: there is no such fact; did you mean tokens.prompt?"),
        ("tokens.prompt.x=1", "tokens.prompt.x: there is no such fact"),
        ("tokens.prompt=many", 'tokens.prompt: "many" is not of type integer'),
        ("principal.roles=admin", 'principal.roles: "admin" is not of type array'),
        ("time.hour=30", "time.hour: 30 is not 23 or less"),
        ("request.api=soap", 'request.api: "soap" is not one of openai, kserve'),
        ("tokens", "expected path=value"),
    ],
)
def test_a_change_that_can_not_be_made_says_what_was_expected(wish: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        alter(BASE, (wish,))

    assert caught.value.message.startswith("--what-if ")
    assert told in caught.value.message


def test_a_part_of_what_is_null_is_set_as_a_whole() -> None:
    with pytest.raises(ConfigurationError, match="tokens is null here"):
        alter(BASE, ("tokens=null", "tokens.prompt=1"))

    changed, _ = alter(BASE, ("tokens=null", 'tokens={"prompt": 1, "max_completion": 2}'))
    assert changed.tokens is not None
    assert changed.tokens.prompt == 1

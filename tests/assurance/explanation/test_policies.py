"""Policies of other people: how they write rules, and what goes wrong in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.assurance.explanation import Explainer
from extauth.assurance.explanation.policies import of_snapshot
from extauth.assurance.explanation.subject import Subject
from extauth.errors import PolicyError, StackError
from tests.policy.conftest import opa_path

from .conftest import facts

if TYPE_CHECKING:
    from extauth.assurance.explanation import Explanation
    from extauth.assurance.explanation.policies import Policies

    from .conftest import Repository

pytestmark = pytest.mark.slow

DECIDES = """package gateway.inference

import data.gateway.own as mine

default decision := {"allow": false, "reasons": [{"rule": "undecided", "message": "m"}]}

decision := {"allow": true, "obligations": []} if count(mine.refusals) == 0

decision := {"allow": false, "reasons": [r | some r in mine.refusals]} if count(mine.refusals) > 0
"""


def explained(policies: Policies, *changes: str, seconds: float = 30) -> Explanation:
    return Explainer(policies, opa_path(), seconds=seconds).explain(Subject(facts(*changes)))


def own(repository: Repository, body: str, **data: str) -> Policies:
    return repository({"inference": DECIDES, "own/own": f"package gateway.own\n\n{body}"}, **data)


def test_rules_are_found_by_what_they_give_and_not_by_their_names(repository: Repository) -> None:
    policies = own(
        repository,
        """refusals contains {"rule": "team", "message": "not this team"} if {
  # Whoever is listed.
  some team, listed in data.teams
  team == input.principal.tenant
  every role in listed {
    not role in input.principal.roles
  }
}
""",
        teams="teams: {acme: [lead]}\n",
    )

    explanation = explained(policies)

    (fired,) = explanation.fired
    assert (fired.name, fired.place) == ("own.refusals", "gateway/own/own.rego:3")
    assert [item.place for item in fired.conditions] == [
        f"gateway/own/own.rego:{line}" for line in (5, 6, 7)
    ]
    assert {flip.path: flip.after for flip in explanation.flips} == {
        "principal.roles": ["developer", "lead"]
    }
    (near,) = explained(policies, 'principal.roles=["lead"]').nearly
    assert near.failed.text.startswith("every role in listed")


def test_else_and_unification_are_followed(repository: Repository) -> None:
    policies = own(
        repository,
        """refusals contains {"rule": "band", "message": band} if {
  [name, least] = floor
  band := name
  input.tokens.prompt > least
}

floor := ["night", 10] if {
  input.time.hour < 6
} else := ["day", 100] if {
  input.time.hour < 20
} else := ["evening", 50]
""",
    )

    day = explained(policies, "tokens.prompt=200")

    assert [item.reason.message for item in day.fired] == ["day"]
    assert {flip.path: flip.after for flip in day.flips}["tokens.prompt"] == 100
    assert explained(policies, "tokens.prompt=200", "time.hour=21").fired[0].reason.message == (
        "evening"
    )


def test_what_begins_with_a_value_is_followed(repository: Repository) -> None:
    policies = own(
        repository,
        """refusals contains {"rule": "band", "message": band} if {
  band := sorted({"b", input.principal.tenant})[0]
  data.bands[sorted(["z", input.principal.tenant])[0]]
  ["night", "day"][0] == "night"
}

sorted(some_names) := sort(some_names)
""",
        bands="bands: {acme: true}\n",
    )

    assert [item.reason.message for item in explained(policies).fired] == ["acme"]


def test_a_limit_that_stands_nowhere_is_found_by_halving(repository: Repository) -> None:
    policies = own(
        repository,
        """refusals contains {"rule": "area", "message": "m"} if input.tokens.prompt * 3 > 1000

refusals contains {"rule": "heat", "message": "m"} if input.parameters.temperature * 3 > 4
""",
    )

    (long,) = explained(policies, "tokens.prompt=70000").flips
    assert (long.after, long.step) == (333, 1)
    (hot,) = explained(policies, "parameters.temperature=9.5").flips
    assert (hot.after, hot.step) == (1.33, 0.01)


def test_a_default_is_told_by_its_place(repository: Repository) -> None:
    policies = repository(
        {
            "inference": """package gateway.inference

default decision := {"allow": false, "reasons": [{"rule": "undecided", "message": "m"}]}

decision := {"allow": true, "obligations": []} if input.principal.tier == "gold"
"""
        }
    )

    explanation = explained(policies)

    assert [item.place for item in explanation.fired] == ["gateway/inference.rego:3"]
    assert {flip.path: flip.after for flip in explanation.flips} == {"principal.tier": "gold"}


def test_a_policy_that_loops_is_named(repository: Repository) -> None:
    policies = own(
        repository,
        """refusals contains {"rule": "slow", "message": "m"} if {
  count([1 | some i in numbers.range(1, 9999); some j in numbers.range(1, 9999); i * j == -1]) > 0
}
""",
    )

    with pytest.raises(PolicyError, match=r"package gateway\.own takes too long.*after 1 s"):
        explained(policies, seconds=1)


def test_conflicting_rules_are_a_policy_error(repository: Repository) -> None:
    policies = repository(
        {
            "inference": """package gateway.inference

decision := {"allow": true, "obligations": []} if input.tokens.prompt > 1

decision := {"allow": false} if input.tokens.prompt > 2
"""
        }
    )

    with pytest.raises(PolicyError, match=r"gateway/inference\.rego:\d: complete rules must not"):
        explained(policies)


def test_rules_that_conflict_only_without_a_condition_are_explained_as_far_as_they_go(
    repository: Repository,
) -> None:
    policies = own(
        repository,
        """refusals contains {"rule": "size", "message": size(input.tokens.prompt)} if {
  input.tokens.prompt > 1000
}

refusals contains {"rule": "time", "message": "m"} if input.time.hour == 12

size(tokens) := "large" if tokens > 10

size(tokens) := "small" if tokens < 1000
""",
    )

    explanation = explained(policies)

    assert [item.place for item in explanation.fired] == ["gateway/own/own.rego:7"]
    assert explanation.nearly == ()
    assert explanation.note is not None
    assert "not all rules could be looked at" in explanation.note


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (
            'decision := {"allow": true, "obligations": []} if input.tokens.prompt > 9000',
            "undefined",
        ),
        ('decision := {"allow": "yes"}', "malformed"),
        ('decision := {"allow": true}', "an allow has no `obligations`"),
    ],
)
def test_what_is_no_decision_is_a_policy_error(
    repository: Repository, decision: str, told: str
) -> None:
    policies = repository({"inference": f"package gateway.inference\n\n{decision}\n"})

    with pytest.raises(PolicyError, match=told):
        explained(policies)


def test_builtins_that_wasm_lacks_leave_out_the_search_alone(repository: Repository) -> None:
    policies = own(
        repository,
        """refusals contains {"rule": "hash", "message": "m"} if {
  crypto.sha256(input.principal.id) != "x"
}
""",
    )

    explanation = explained(policies)

    assert [item.reason.rule for item in explanation.fired] == ["hash"]
    assert not explanation.searched
    assert explanation.note is not None
    assert "Wasm lacks the builtins crypto.sha256" in explanation.note


def test_a_snapshot_that_is_gone_says_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(StackError, match=r"snapshot abc is gone.*--policies DIR"),
        of_snapshot(tmp_path, "abc"),
    ):
        pass

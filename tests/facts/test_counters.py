"""A principal's usage, as policies read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extauth.errors import ConfigurationError
from extauth.facts.counters import Declared, UsageCounters, key_of
from extauth.ledger import Counter
from extauth.types import Counters, UsageFacts, Windows
from tests.policy.facts import ADA

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400
STANDING = tuple(
    Counter(key, unit, window)
    for key in ("principal:acme/ada", "tenant:acme")
    for window in (60, DAY)
    for unit in ("requests", "tokens")
)
TEAM = Declared(("tenant", "team"), "cost", DAY)
MODEL = Declared(("user", "model"), "seconds", 60)


def test_the_caller_and_its_tenant_are_counted_by_minute_and_day() -> None:
    counters = UsageCounters({})
    assert counters.of(ADA, "chat") == STANDING
    assert counters.facts(ADA, "chat", range(8)) == UsageFacts(
        principal=Windows(Counters(0, 1), Counters(2, 3)),
        tenant=Windows(Counters(4, 5), Counters(6, 7)),
    )


def test_declared_counters_follow_under_their_names() -> None:
    ada = replace(ADA, attributes={"team": "search", "user": "u-7"})
    counters = UsageCounters({"team_cost": TEAM, "model_seconds": MODEL})
    assert counters.of(ada, "chat")[8:] == (
        Counter("tenant:acme|team:search", "cost", DAY),
        Counter("user:u-7|model:chat", "seconds", 60),
    )
    told = counters.facts(ada, "chat", range(10))
    assert told.principal.minute == Counters(0, 1)
    assert told.counters == {"team_cost": 8, "model_seconds": 9}


def test_what_separates_facts_is_doubled_in_them() -> None:
    # As policies/gateway/limits/limits_test.rego has it.
    assert key_of(("principal",), {"principal": "acme/x|model:chat"}) == (
        "principal:acme/x||model:chat"
    )
    facts = {"principal": "acme/x|", "model": "chat"}
    assert key_of(("principal", "model"), facts) == "principal:acme/x|||model:chat"
    odd = replace(ADA, id="acme/x|user:y")
    assert UsageCounters({}).of(odd, "chat")[0].key == "principal:acme/x||user:y"


NAMED = st.lists(st.sampled_from(["principal", "user", "team", "model"]), min_size=1, unique=True)
VALUES = st.text(st.sampled_from("a|:/%\\"), min_size=1, max_size=6) | st.sampled_from(
    ["x|model:chat", "|team:a", "x|", "|", "||"]
)


@given(NAMED, NAMED, st.data())
def test_no_two_sets_of_facts_share_a_key(
    names: list[str], others: list[str], data: st.DataObject
) -> None:
    one, other = ({name: data.draw(VALUES) for name in each} for each in (names, others))
    same = list(one.items()) == list(other.items())
    assert (key_of(names, one) == key_of(others, other)) == same
    parts = key_of(names, one).replace("||", "\0").split("|")
    assert [tuple(part.replace("\0", "|").split(":", 1)) for part in parts] == list(one.items())


def test_one_of_which_a_fact_is_not_known_counts_nothing() -> None:
    counters = UsageCounters({"team_cost": TEAM, "model_seconds": MODEL})
    assert counters.of(ADA, "chat")[8:] == (Counter("user:acme/ada|model:chat", "seconds", 60),)
    told = counters.facts(ADA, "chat", range(9))
    assert told.counters == {"team_cost": 0, "model_seconds": 8}


def test_a_declaration_that_is_wrong_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text('{"usage": {"counters": {"mine": {"of": ["shoe"], "unit": "cost"}}}}')
    with pytest.raises(ConfigurationError, match=r"^policy data usage\.counters: .*shoe"):
        UsageCounters.of_data(path)

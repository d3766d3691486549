"""The outcomes remembered of each principal's requests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extauth.audit import Outcome
from extauth.facts.behaviour import MINUTES, Behaviour
from extauth.types import BehaviourFacts

NOW = 1_790_000_000.0
ADA, BOB = "acme/ada", "globex/bob"


def test_nobody_knows_a_stranger() -> None:
    assert Behaviour().facts(ADA, NOW) == BehaviourFacts(0, 0, 0, 0)


def test_every_request_counts_and_some_by_how_they_ended() -> None:
    behaviour = Behaviour()
    for outcome in Outcome:
        behaviour.note(ADA, outcome, NOW)
    behaviour.note(ADA, Outcome.LIMITED, NOW)
    told = BehaviourFacts(requests=len(Outcome) + 1, denied=1, limited=2, failed=1)
    assert behaviour.facts(ADA, NOW) == told


def test_each_principal_has_its_own() -> None:
    behaviour = Behaviour()
    behaviour.note(ADA, Outcome.DENIED, NOW)
    behaviour.note(BOB, Outcome.SERVED, NOW)
    assert behaviour.facts(BOB, NOW) == BehaviourFacts(requests=1)


def test_who_is_erased_is_a_stranger_again() -> None:
    behaviour = Behaviour()
    behaviour.note(ADA, Outcome.DENIED, NOW)
    behaviour.note(BOB, Outcome.DENIED, NOW)
    behaviour.forget([ADA, "acme/nobody"])
    assert behaviour.facts(ADA, NOW) == BehaviourFacts()
    assert len(behaviour) == 1
    behaviour.note(ADA, Outcome.DENIED, NOW)
    assert behaviour.facts(ADA, NOW).denied == 1


def test_a_request_counts_for_ten_minutes_and_no_longer_than_eleven() -> None:
    behaviour = Behaviour()
    behaviour.note(ADA, Outcome.FAILED, NOW)
    assert behaviour.facts(ADA, NOW + 600).failed == 1
    assert behaviour.facts(ADA, NOW + 660) == BehaviourFacts()


def test_a_clock_that_goes_back_loses_nothing() -> None:
    behaviour = Behaviour()
    behaviour.note(ADA, Outcome.DENIED, NOW)
    behaviour.note(ADA, Outcome.DENIED, NOW - 3600)
    assert behaviour.facts(ADA, NOW - 3600).denied == 2


def test_of_too_many_the_longest_silent_is_forgotten() -> None:
    behaviour = Behaviour(most=2)
    for principal in (ADA, BOB, ADA, "initech/ian"):
        behaviour.note(principal, Outcome.SERVED, NOW)
    assert len(behaviour) == 2
    assert behaviour.facts(BOB, NOW).requests == 0
    assert behaviour.facts(ADA, NOW).requests == 2


def test_the_silent_take_no_room() -> None:
    behaviour = Behaviour()
    for number in range(100):
        behaviour.note(f"acme/{number}", Outcome.SERVED, NOW)
    behaviour.note(ADA, Outcome.SERVED, NOW + 660)
    assert len(behaviour) == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from([ADA, BOB]), st.sampled_from(Outcome)),
        max_size=60,
    )
)
def test_it_counts_what_a_list_would(steps: list[tuple[int, str, Outcome]]) -> None:
    """Compare with a plain list of all outcomes, minute by minute."""
    behaviour, past, now = Behaviour(), list[tuple[int, str, Outcome]](), NOW
    for passed, principal, outcome in steps:
        now += passed
        behaviour.note(principal, outcome, now)
        past.append((int(now // 60), principal, outcome))
        for one in (ADA, BOB):
            recent = [
                ended
                for minute, who, ended in past
                if who == one and minute >= int(now // 60) - MINUTES
            ]
            told = behaviour.facts(one, now)
            assert told == BehaviourFacts(
                requests=len(recent),
                denied=recent.count(Outcome.DENIED),
                limited=recent.count(Outcome.LIMITED),
                failed=recent.count(Outcome.FAILED),
            )

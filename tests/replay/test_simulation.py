"""The ledger on a simulated clock."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from extauth.policy.verdict import Verdict
from extauth.replay.batch import Demand, Judged
from extauth.replay.habits import Habits
from extauth.replay.simulation import Simulation, State
from extauth.types import Clamp, Limit, Route

ROUTE = Route("chat", "1", "triton")
WINDOW = 60
REQUESTS = Limit("requests", "tenant:acme", "requests", WINDOW, 7)
TOKENS = Limit("tokens", "tenant:acme", "tokens", WINDOW, 900)
LIMITED = Verdict(True, (), ROUTE, (REQUESTS, TOKENS))

asks = st.tuples(
    st.floats(0, 40),  # seconds since the request before
    st.integers(1, 300),  # prompt
    st.integers(0, 300),  # of a choice
    st.integers(1, 3),
    st.floats(0, 1),  # of the worst case
    st.floats(0, 100),
    st.sampled_from(["used", "unused", "unsent"]),
)


def judged(time: float) -> Judged:
    return Judged("id", time, "acme", "acme/ada", (), "chat", 0, 0, False, False, None)


def demand(prompt: int = 10, choice: int = 10, n: int = 1, fate: str = "used") -> Demand:
    return msgspec.convert((prompt, choice, n, None, None, fate), Demand)


@given(st.lists(asks, max_size=60))
def test_no_limit_is_ever_passed(
    steps: list[tuple[float, int, int, int, float, float, str]],
) -> None:
    simulation, now = Simulation(), 1_790_000_000.0
    begun: list[float] = []
    spent: list[tuple[float, int]] = []
    for gap, prompt, choice, n, share, seconds, fate in steps:
        now += gap
        generated = int(share * choice * n)
        outcome = simulation.run(
            judged(now), LIMITED, demand(prompt, choice, n, fate), generated, seconds
        )
        if outcome.refused is None:
            if fate != "unused":
                begun.append(now)
            if outcome.usage is not None:
                spent.append((now + seconds, outcome.usage.total_tokens))
                assert outcome.usage.total_tokens == prompt + generated

    for end in begun:
        assert sum(end - WINDOW < at <= end for at in begun) <= REQUESTS.max
    for end, _ in spent:
        assert sum(used for at, used in spent if end - WINDOW < at <= end) <= TOKENS.max


@given(st.lists(asks, max_size=40), st.integers(0, 40))
def test_a_simulation_goes_on_as_if_it_had_never_stopped(
    steps: list[tuple[float, int, int, int, float, float, str]], stop: int
) -> None:
    whole, parts, now = Simulation(), Simulation(), 1_790_000_000.0
    for number, (gap, prompt, choice, n, share, seconds, fate) in enumerate(steps):
        if number == stop:
            kept = msgspec.msgpack.encode(parts.state())
            parts = Simulation.resumed(msgspec.msgpack.decode(kept, type=State))
        now += gap
        asked = demand(prompt, choice, n, fate)
        step = (judged(now), LIMITED, asked, int(share * choice * n), seconds)
        assert whole.run(*step) == parts.run(*step)


def test_what_is_held_is_given_back_when_the_request_is_over() -> None:
    simulation, refused = Simulation(), []
    for time in (0, 1, 2, 31, 32):
        outcome = simulation.run(judged(time), LIMITED, demand(0, 450), 0, 30.0)
        refused.append(outcome.refused)

    assert refused == [None, None, "tokens", None, None]


def test_a_clamp_lowers_the_worst_case_and_what_is_generated() -> None:
    clamped = Verdict(True, (), ROUTE, (TOKENS, Clamp(20)))
    wanted = demand(prompt=10, choice=5000, n=2)

    assert Simulation().run(judged(0), LIMITED, wanted, 100, 0).refused == "tokens"
    outcome = Simulation().run(judged(0), clamped, wanted, 100, 0)

    assert outcome.usage is not None
    assert (outcome.usage.prompt_tokens, outcome.usage.completion_tokens) == (10, 40)


def test_the_limit_that_is_full_is_named() -> None:
    simulation = Simulation()
    refused = Counter(
        simulation.run(judged(0), LIMITED, demand(1, 1), 1, 0).refused for _ in range(9)
    )

    assert refused == {None: 7, "requests": 2}


def test_habits_are_those_of_the_model() -> None:
    habits = Habits()
    assert (habits.generated("chat", 80), habits.seconds("chat")) == (80, 0.0)

    habits.learn("chat", 10, 100, 1.0)
    habits.learn("chat", 40, 100, 3.0)

    assert (habits.generated("chat", 80), habits.seconds("chat")) == (20, 2.0)
    assert habits.generated("echo", 80) == 80

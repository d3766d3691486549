"""The ledger on a simulated clock."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.assurance.replay.batch import Judged, TokenDemand
from extauth.assurance.replay.habits import Habits
from extauth.assurance.replay.simulation import SimulatedOutcome, Simulation, SimulationState
from extauth.obligations import Clamp, Route
from extauth.policy.verdict import Verdict
from extauth.settings import Price
from extauth.types import Lifetime, Limit, Queue, Unit

ROUTE = Route("chat", "1", "triton")
WINDOW = 60
PRICE = Price(prompt=1_000_000, completion=2_000_000)
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


def demand(prompt: int = 10, choice: int = 10, n: int = 1, fate: str = "used") -> TokenDemand:
    return msgspec.convert((prompt, choice, n, None, None, fate), TokenDemand)


def run(
    simulation: Simulation,
    time: float,
    verdict: Verdict,
    asked: TokenDemand,
    generated: int = 0,
    *,
    seconds: float = 0.0,
) -> SimulatedOutcome:
    return simulation.run(judged(time), verdict, asked, PRICE, generated=generated, seconds=seconds)


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
        asked = demand(prompt, choice, n, fate)
        outcome = run(simulation, now, LIMITED, asked, generated, seconds=seconds)
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
            parts = Simulation.resumed(msgspec.msgpack.decode(kept, type=SimulationState))
        now += gap
        asked = demand(prompt, choice, n, fate)
        step = (now, LIMITED, asked, int(share * choice * n))
        assert run(whole, *step, seconds=seconds) == run(parts, *step, seconds=seconds)


def test_what_is_held_is_given_back_when_the_request_is_over() -> None:
    simulation, refused = Simulation(), []
    for time in (0, 1, 2, 31, 32):
        outcome = run(simulation, time, LIMITED, demand(0, 450), seconds=30)
        refused.append(outcome.refused)

    assert refused == [None, None, "tokens", None, None]


def test_a_clamp_lowers_the_worst_case_and_what_is_generated() -> None:
    clamped = Verdict(True, (), ROUTE, (TOKENS, Clamp(20)))
    wanted = demand(prompt=10, choice=5000, n=2)

    assert run(Simulation(), 0, LIMITED, wanted, 100).refused == "tokens"
    outcome = run(Simulation(), 0, clamped, wanted, 100)

    assert outcome.usage is not None
    assert (outcome.usage.prompt_tokens, outcome.usage.completion_tokens) == (10, 40)


def test_the_limit_that_is_full_is_named() -> None:
    simulation = Simulation()
    refused = Counter(run(simulation, 0, LIMITED, demand(1, 1), 1).refused for _ in range(9))

    assert refused == {None: 7, "requests": 2}


def test_habits_are_those_of_the_model() -> None:
    habits = Habits()
    assert (habits.generated("chat", 80), habits.seconds("chat")) == (80, 0.0)

    habits.learn("chat", 10, 100, 1.0)
    habits.learn("chat", 40, 100, 3.0)

    assert (habits.generated("chat", 80), habits.seconds("chat")) == (20, 2.0)
    assert habits.generated("echo", 80) == 80


def test_what_would_wait_in_line_is_told_and_goes_on() -> None:
    slots = Limit(
        "slots", "pool:a", "slots", Lifetime(), 1, on_exceed="queue", queue=Queue(10, 5.0)
    )
    simulation, verdict = Simulation(), Verdict(True, (), ROUTE, (slots, TOKENS))
    outcomes = [run(simulation, time, verdict, demand(1, 1), 1, seconds=30) for time in (0, 1, 31)]

    assert [outcome.queued for outcome in outcomes] == [None, "slots", None]
    assert [outcome.refused for outcome in outcomes] == [None, None, None]


def test_money_is_counted_at_the_price_of_the_day() -> None:
    money = Limit("money", "tenant:acme", "cost", WINDOW, 50)
    simulation, verdict = Simulation(), Verdict(True, (), ROUTE, (money,))
    outcomes = [run(simulation, 0, verdict, demand(10, 10), 10) for _ in range(2)]

    assert outcomes[0].usage is not None
    assert outcomes[0].usage.cost == 30
    assert outcomes[1].refused == "money"


@pytest.mark.parametrize(
    ("unit", "n", "generated"),
    # Of 50: without the 10 of the prompt; at 1 and 2 of money a token; by whole tokens a choice.
    [("tokens", 1, 40), ("tokens", 3, 39), ("completion_tokens", 1, 50), ("cost", 1, 20)],
)
def test_a_limit_that_clamps_grants_what_is_left(unit: Unit, n: int, generated: int) -> None:
    soft = Limit("soft", "tenant:acme", unit, WINDOW, 50, on_exceed="clamp")
    asked = demand(10, 100, n)
    outcome = run(Simulation(), 0, Verdict(True, (), ROUTE, (soft,)), asked, 100)

    assert outcome.usage is not None
    assert outcome.usage.completion_tokens == generated

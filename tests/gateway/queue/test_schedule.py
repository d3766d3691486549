"""Turns by weight, over any time in which two wait throughout."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from extauth.gateway.queue.heap import Heap, HeapEntry
from extauth.gateway.queue.schedule import Flow, Schedule

WEIGHTS = {"a": 1, "b": 2, "c": 3, "d": 7}


def serve(schedule: Schedule[Flow]) -> str:
    """The next one has its turn."""
    flow = schedule.first()
    assert flow is not None
    schedule.charge(flow, flow.weight)
    schedule.leave(flow)
    return flow.name


class Sharing(RuleBasedStateMachine):
    """Flows come, have turns and go, beside a list of who got what while waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule(Flow)
        self.waiting = dict.fromkeys(WEIGHTS, 0)
        # Turns of each, by every pair, since both of them wait.
        self.got = {pair: [0, 0] for pair in combinations(WEIGHTS, 2)}

    def absent(self, name: str) -> None:
        for pair, got in self.got.items():
            if name in pair:
                got[:] = [0, 0]

    @rule(name=st.sampled_from(sorted(WEIGHTS)), count=st.integers(1, 5))
    def come(self, name: str, count: int) -> None:
        for _ in range(count):
            self.schedule.enter(name, WEIGHTS[name])
        self.waiting[name] += count

    @precondition(lambda self: any(self.waiting.values()))
    @rule()
    def turn(self) -> None:
        name = serve(self.schedule)
        for pair, got in self.got.items():
            if name in pair and all(self.waiting[each] for each in pair):
                got[pair.index(name)] += 1
        self.went(name)

    @rule(name=st.sampled_from(sorted(WEIGHTS)))
    def go(self, name: str) -> None:
        if self.waiting[name]:
            self.schedule.leave(self.schedule[name])
            self.went(name)

    def went(self, name: str) -> None:
        self.waiting[name] -= 1
        if not self.waiting[name]:
            self.absent(name)

    @invariant()
    def shares(self) -> None:
        """What two got for their weight differs by a turn of each, and one of the lightest."""
        for (one, other), (mine, theirs) in self.got.items():
            bound = 1 / WEIGHTS[one] + 1 / WEIGHTS[other] + 1 / min(WEIGHTS.values())
            assert abs(mine / WEIGHTS[one] - theirs / WEIGHTS[other]) <= bound + 1e-9

    @invariant()
    def who_waits(self) -> None:
        assert {flow.name for flow in self.schedule} == {
            name for name, count in self.waiting.items() if count
        }
        assert (self.schedule.first() is None) == (not any(self.waiting.values()))


TestSharing = Sharing.TestCase


def test_what_is_owed_is_forgotten_when_it_is_paid() -> None:
    schedule = Schedule(Flow)
    for number in range(1000):
        schedule.enter("stays", 1)
        schedule.enter(str(number), 1)
        serve(schedule)
        serve(schedule)
    assert sum(schedule.get(str(number)) is not None for number in range(1000)) < 5


def test_nothing_is_kept_of_those_who_left_before_their_turn() -> None:
    schedule = Schedule(Flow)
    schedule.enter("stays", 1)
    for number in range(100):
        schedule.leave(schedule.enter(str(number), 1))
    assert not any(schedule.get(str(number)) for number in range(100))


@given(st.lists(st.sampled_from(sorted(WEIGHTS)), max_size=60), st.sampled_from(sorted(WEIGHTS)))
def test_the_place_that_one_is_told_is_about_the_one_that_it_gets(
    crowd: list[str], name: str
) -> None:
    schedule = Schedule(Flow)
    for other in crowd:
        schedule.enter(other, WEIGHTS[other])
    own, others = crowd.count(name), len(crowd) - crowd.count(name)
    told = own + min(others, schedule.ahead(name, WEIGHTS[name], own))
    schedule.enter(name, WEIGHTS[name])
    turns = 0
    while own >= 0:
        own -= serve(schedule) == name
        turns += 1
    # Others run dry before, so that the place can be earlier than told, and hardly later.
    assert turns - 1 <= told + len(WEIGHTS) * max(WEIGHTS.values())


def test_the_place_among_those_that_stay() -> None:
    schedule = Schedule(Flow)
    for number in range(10):
        for _ in range(100):
            schedule.enter(str(number), 1)
    for _ in range(55):
        serve(schedule)
    own = schedule["3"].waiting
    told = own + schedule.ahead("3", 1, own)
    schedule.enter("3", 1)
    turns = 0
    while own >= 0:
        own -= serve(schedule) == "3"
        turns += 1
    assert turns == pytest.approx(told, rel=0.02)


class Thing(HeapEntry):
    """What a heap holds."""

    __slots__ = ("rank",)

    def __init__(self, rank: float) -> None:
        super().__init__()
        self.rank = rank


@given(st.lists(st.tuples(st.sampled_from(["push", "discard", "pop"]), st.integers(0, 9))))
def test_a_heap_is_a_sorted_list(steps: list[tuple[str, int]]) -> None:
    heap, model = Heap[Thing](), []
    for step, number in steps:
        if step == "push":
            thing = Thing(number)
            heap.push(thing, number)
            model.append(thing)
        elif model:
            model.sort(key=lambda thing: thing.rank)
            thing = model.pop(0 if step == "pop" else number % len(model))
            heap.discard(thing)
        assert len(heap) == len(model)
        assert heap.first() is min(model, key=lambda thing: thing.rank, default=None)


def test_a_heap_keeps_nothing_of_those_who_left() -> None:
    heap = Heap[Thing]()
    for rank in range(10_000):
        thing = Thing(rank)
        heap.push(thing, rank)
        if rank % 100:
            heap.discard(thing)
    assert len(heap._heap) < 1000

"""In any order of events no limit is exceeded, no usage is lost, and none is invented."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings

from extauth.errors import LimitExceeded
from extauth.ledger import Demand
from extauth.types import Limit, Usage
from tests.ledger.contract import ADA, EmbeddedBooks, RedisBooks, usage
from tests.ledger.model import (
    ASK,
    COUNTERS,
    HOUR,
    LIMITS,
    YEAR,
    Step,
    beat,
    programs,
    run,
    stepped_programs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.ledger import Reservation
    from extauth.ledger.ledger import Standing
    from extauth.types import LimitState
    from tests.ledger.contract import Books
    from tests.redis_server import RedisServer

pytestmark = pytest.mark.slow


@settings(max_examples=40)
@given(programs)
def test_the_embedded_ledger_is_exact(program: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(EmbeddedBooks(Path(directory)), program, processes=1))


SPEND: tuple[Step, ...] = (ASK, ("settle", 0, 1.0))
BACK: Step = ("set_clock", YEAR, -1)


@settings(max_examples=80)
@given(program=stepped_programs)
@example([*SPEND, ("set_clock", YEAR, 1), *SPEND, BACK, *SPEND, ("wait", 61)])
@example([*SPEND, BACK, ("die", 0), ("wait", 61), *SPEND])
@example([*SPEND, ("restart_with_clock_set", YEAR, -1), ("wait", 61), *SPEND])
@example([ASK, ("set_clock", 24 * HOUR, 1), ("wait", 59.5), ("release", 0), ("die", 0)])
def test_it_stays_exact_whatever_the_wall_clock_is_set_to(program: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run(EmbeddedBooks(Path(directory)), program, processes=1))


@settings(max_examples=40)
@given(program=programs)
@example([ASK, ("progress", 0, 0.5), ("lapse", 0), ("settle", 0, 1.0)])
@example([ASK, (*ASK[:1], 1, *ASK[2:]), ("lapse", 0), ("settle", 0, 0.5), ("release", 0)])
@example([ASK, ("progress", 0, 0.5), ("lapse", 0), ("release", 0)])
@example([ASK, ("progress", 0, 0.2), ("die", 0)])
def test_two_processes_that_share_a_ledger_are_exact(
    redis_server: RedisServer, program: list[Step]
) -> None:
    asyncio.run(run(RedisBooks(redis_server), program, processes=2))


class Both:
    """The same calls on an embedded and on a shared ledger."""

    def __init__(self, pair: tuple[Books, Books]) -> None:
        self.pair = pair
        self.open: list[tuple[Reservation, ...]] = []

    async def step(self, name: str, *arguments: object) -> None:
        answers = [await getattr(self, name)(books, *arguments) for books in self.pair]
        if name == "reserve" and all(isinstance(each, tuple) for each in answers):
            self.open.append(tuple(reservation for _, reservation in answers))
            answers = [told for told, _ in answers]
        elif name in {"settle", "release"} and self.open:
            self.open.pop(int(str(arguments[0])) % len(self.open))
        elif name == "die":
            self.open.clear()
        assert answers[0] == pytest.approx(answers[1], abs=0.002), name
        first, second = [await books.ledger.standing("a", books.time()) for books in self.pair]
        shown = {each.counter: each for each in second}
        for each in first:
            assert _plain(each) == pytest.approx(_plain(shown[each.counter]), abs=0.002)

    async def reserve(self, books: Books, _: int, tokens: int, limits: tuple[Limit, ...]) -> object:
        asked = Demand(limits, Usage(0, tokens), usage(min(10, tokens)), Usage(), COUNTERS)
        try:
            made = await books.ledger.reserve(ADA, asked, books.time())
        except LimitExceeded as error:
            return [LIMITS.index(error.limit), error.retry_after or -1.0, *_states(error.states)]
        return [*made.granted, *_states(made.states)], made

    async def settle(self, books: Books, number: int, part: float) -> list[float]:
        if not self.open:
            return []
        made = self.open[number % len(self.open)][self.pair.index(books)]
        spent = usage(round(part * made.demand.worst.total_tokens))
        return [
            number
            for each in await books.ledger.settle(made, spent, books.time())
            for number in (LIMITS.index(each.limit), each.percent, each.used, each.resets_at or -1)
        ]

    async def progress(self, books: Books, number: int, part: float) -> list[float]:
        if self.open:
            made = self.open[number % len(self.open)][self.pair.index(books)]
            spent = usage(round(part * made.demand.worst.total_tokens))
            await books.ledger.progress(made, spent, books.time())
        return []

    async def release(self, books: Books, number: int) -> list[float]:
        if self.open:
            made = self.open[number % len(self.open)][self.pair.index(books)]
            await books.ledger.release(made, books.time())
        return []

    async def wait(self, books: Books, seconds: float) -> list[float]:
        books.time.now += seconds
        # A server remembers the time of changes only, and not that of questions.
        await beat(books.ledger, books.time())
        return []

    async def die(self, books: Books, _: int) -> list[float]:
        await books.die()
        return []

    async def lapse(self, books: Books, _: int) -> list[float]:
        return [float(each) for each in await books.ledger.usage(COUNTERS, books.time())]


def _states(states: Sequence[LimitState]) -> list[float]:
    return [
        number
        for state in states
        for number in (state.remaining, -1 if state.reset is None else state.reset)
    ]


def _plain(standing: Standing) -> list[float]:
    return [standing.used, standing.held, standing.resets_at or -1]


@settings(max_examples=40)
@given(program=programs)
def test_both_ledgers_answer_alike(redis_server: RedisServer, program: list[Step]) -> None:
    async def run_both(directory: str) -> None:
        pair = (EmbeddedBooks(Path(directory)), RedisBooks(redis_server))
        for books in pair:
            await books.open()
        both = Both(pair)
        try:
            for name, *arguments in program:
                await both.step(str(name), *arguments)
        finally:
            for books in pair:
                await books.close()

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(run_both(directory))

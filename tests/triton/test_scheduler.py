"""How requests share one thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sluice_triton.scheduler import Scheduler

pytestmark = pytest.mark.slow


def fail(error: Exception) -> None:
    raise error


def test_work_advances_in_turn() -> None:
    log: list[str] = []
    arrived = threading.Event()

    def gate() -> Iterator[None]:
        arrived.wait(10)
        yield

    def work(name: str, steps: int) -> Iterator[None]:
        for _ in range(steps):
            log.append(name)
            yield

    scheduler = Scheduler(4, fail)
    scheduler.submit(gate())
    for name, steps in (("a", 3), ("b", 1), ("c", 2)):
        scheduler.submit(work(name, steps))
    arrived.set()
    scheduler.close()
    assert "".join(log) == "abcaca"


def test_what_is_above_the_capacity_waits() -> None:
    release = threading.Event()
    entered = threading.Event()

    def first() -> Iterator[None]:
        release.wait(10)
        yield

    scheduler = Scheduler(1, fail)
    scheduler.submit(first())
    caller = threading.Thread(target=lambda: (scheduler.submit(iter(())), entered.set()))
    caller.start()
    assert not entered.is_set()
    release.set()
    assert entered.wait(10)
    caller.join()
    scheduler.close()


def test_work_that_raises_ends_alone() -> None:
    failures: list[Exception] = []
    done = threading.Event()

    def broken() -> Iterator[None]:
        yield
        raise ValueError

    def sound() -> Iterator[None]:
        for _ in range(5):
            yield
        done.set()

    scheduler = Scheduler(1, failures.append)
    scheduler.submit(broken())
    scheduler.submit(sound())
    assert done.wait(10)
    scheduler.close()
    assert [type(failure) for failure in failures] == [ValueError]

"""An event loop whose time is a number: it sleeps by adding, and always in the same order."""

from __future__ import annotations

import asyncio
import functools
import inspect
import selectors
from typing import TYPE_CHECKING, Any, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

P = ParamSpec("P")


class NothingLeft(AssertionError):
    """Everybody waits, and nothing will ever happen: a wake-up was lost."""


class _Selector(selectors.SelectSelector):
    """Lets time pass instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise NothingLeft("no task can run and no timer is set")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at 0 seconds. Knows no files and no threads."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    @property
    def timers(self) -> int:
        """How many are set."""
        return sum(not timer.cancelled() for timer in self._scheduled)


def virtual(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on a virtual clock. No task and no timer may be left when it ends."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, "tasks are left"
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            assert not loop.timers, "timers are left"

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(main())

    del run.__wrapped__  # pytest looks through it and would see a coroutine
    run.__signature__ = inspect.signature(test)  # type: ignore[attr-defined] - how pytest finds fixtures
    return run


async def settle() -> None:
    """Let everybody run who can, without any time passing."""
    for _ in range(20):
        await asyncio.sleep(0)


def now() -> float:
    return asyncio.get_running_loop().time()

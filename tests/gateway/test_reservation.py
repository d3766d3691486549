"""How long a request may wait in line before it is reserved, and who goes first."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from extauth.audit import Outcome
from extauth.gateway import reservation as reserving
from extauth.gateway.reservation import _bounded
from extauth.gateway.step import Upstream
from extauth.settings import Limits
from extauth.types import Lifetime, Limit, Queue
from tests.gateway.served import CHAT, ROUTE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extauth.gateway.request import Request
    from extauth.gateway.transaction import Transaction
    from tests.gateway.served import Served

    Decide = Callable[..., Awaitable[None]]

REQUESTS = Limit("requests", "tenant:acme", "requests", 60, 10)


def slots(max_wait: float) -> Limit:
    queue = Queue(max_waiting=7, max_wait=max_wait, priority="batch", share=3)
    return Limit("slots", "pool:shared", "slots", Lifetime(), 1, "queue", queue)


def envoy(*, request: float, idle: float) -> Limits:
    return Limits(1, 1, 1, request_timeout=request, stream_idle_timeout=idle, json_depth=1)


@pytest.mark.parametrize(
    ("request_timeout", "idle", "waits"), [(60, 60, 50), (20, 60, 18), (60, 30, 27), (60, 2000, 50)]
)
def test_nobody_waits_for_longer_than_envoy_does(
    request_timeout: float, idle: float, waits: float
) -> None:
    bounded = _bounded((REQUESTS, slots(50)), envoy(request=request_timeout, idle=idle))
    assert bounded == (REQUESTS, slots(waits))


ONE_AT_A_TIME = {
    "allow": True,
    "route": ROUTE,
    "obligations": [
        {
            "type": "limit",
            "name": "slots",
            "key": "all",
            "unit": "slots",
            "window": {"type": "lifetime"},
            "max": 1,
            "on_exceed": "queue",
            "queue": {"max_waiting": 9, "max_wait": 600},
        }
    ],
}


class Line:
    """Requests for the one slot. `told` is how long they asked Envoy to wait."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.told: asyncio.Queue[float] = asyncio.Queue()
        self.sent: asyncio.Queue[tuple[str, Transaction]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, who: str) -> None:
        """Ask for the slot; returns once this stands in line, or has it."""
        room = self._served.books.room
        waiting = room.waiting
        request = self._served.gateway.request(self._served.head(who=who), self.told.put)
        self._tasks.append(asyncio.create_task(self._ask(who, request)))
        while room.waiting == waiting:
            if self._tasks[-1].done():
                break
            await asyncio.sleep(0)

    async def leave(self) -> str:
        """Who was served goes; who that was. The slot is handed on at once, and in no time."""
        for _ in range(1000):
            if not self.sent.empty():
                break
            await asyncio.sleep(0)
        who, transaction = self.sent.get_nowait()
        await transaction.close(Outcome.SERVED, status=200)
        return who

    async def _ask(self, who: str, request: Request) -> None:
        await request.headers(end=False)
        assert isinstance(await request.body(json.dumps(CHAT).encode()), Upstream)
        await self.sent.put((who, request.transaction))


@pytest.fixture
async def line(served: Served, decide: Decide) -> Line:
    await decide(inference=ONE_AT_A_TIME)
    return Line(served)


async def test_envoy_is_told_how_long_who_waits_may_take(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserving, "PATIENCE", 0.0)
    await line.join("ada")
    await line.join("bob")

    # Nine tenths of a minute in line, although the policy allows ten, and what is done afterwards.
    assert await asyncio.wait_for(line.told.get(), 10) == 54 + 5
    assert [await line.leave(), await line.leave()] == ["ada", "bob"]
    assert line.told.empty()


async def test_a_tenant_with_many_in_line_does_not_go_before_another(line: Line) -> None:
    for who in ("ada", "ada", "ada", "bob"):
        await line.join(who)

    assert [await line.leave() for _ in range(4)] == ["ada", "ada", "bob", "ada"]

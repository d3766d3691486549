"""A process notices that the machine's clock was set, and its books move along."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from prometheus_client.exposition import generate_latest

from extauth.errors import LimitExceeded
from extauth.events import Notifier
from extauth.ledger import Demand, EmbeddedLedger
from extauth.observability.clock import SteadyClock
from extauth.observability.metrics import Metrics
from extauth.types import Account, Limit, Usage
from extauth.workers.timekeeper import Timekeeper

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOW = 1_790_000_000.0
YEAR = 365 * 86_400
ADA = Account("acme", "acme/ada", "chat", "1")
RPM = Limit("requests_per_minute", "tenant:acme", "requests", 60, 1)


class Node:
    """A process with a ledger, on a machine whose clock is set by hand."""

    def __init__(self, path: Path, *, tells: bool = True) -> None:
        self.path = path
        self.up, self.set_to = 1000.0, NOW
        self.clock = SteadyClock(lambda: self.up + self.set_to, lambda: self.up)
        self.metrics = Metrics()
        self.ledger = EmbeddedLedger(path, self.clock)
        self.events = Notifier(self.metrics, self.clock)
        self.keeper = Timekeeper(self.clock, self.ledger, self.events, self.metrics, tells=tells)

    async def request(self) -> None:
        demand = Demand((RPM,), Usage(), Usage(), Usage())
        reservation = await self.ledger.reserve(ADA, demand, self.clock())
        await self.ledger.settle(reservation, Usage(), self.clock())

    def scrape(self) -> list[str]:
        lines = generate_latest(self.metrics).decode().splitlines()
        return [line for line in lines if line.startswith("sluice_clock_steps_total")]


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[Node]:
    await node.ledger.start()
    yield node
    await node.ledger.close()
    await node.events.close()


@pytest.mark.parametrize("by", [-YEAR, -3600, 3600, YEAR])
async def test_a_minute_of_a_limit_is_over_after_a_minute(tmp_path: Path, by: float) -> None:
    async with running(Node(tmp_path / "ledger.db")) as node:
        await node.request()
        node.set_to += by
        node.keeper.look()

        node.up += 59
        with pytest.raises(LimitExceeded):
            await node.request()
        node.up += 3
        await node.request()


async def test_a_step_is_logged_in_words_counted_and_an_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(Node(tmp_path / "ledger.db")) as node:
        node.keeper.look()
        assert not caplog.messages
        assert not node.scrape()

        node.set_to -= 12_000
        node.keeper.look()
        node.keeper.look()

        said, event = caplog.messages
        assert said == "this machine's clock was set 3 h 20 min back: what is booked moves along"
        assert json.loads(event.split(": ", 1)[1])["data"] == {"seconds": -12_000.0}
        assert node.scrape() == ['sluice_clock_steps_total{direction="back"} 1.0']


async def test_a_process_that_does_not_tell_follows_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(Node(tmp_path / "ledger.db", tells=False)) as node:
        await node.request()
        node.set_to -= YEAR
        node.keeper.look()
        node.up += 62
        await node.request()

        assert not caplog.messages
        assert not node.scrape()


async def test_a_store_from_a_time_to_come_is_told_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ledger.db"
    before = Node(path)
    before.set_to += YEAR
    before.keeper.look()
    async with running(before):
        await before.request()
    caplog.clear()

    async with running(Node(path)) as node:
        keeping = asyncio.ensure_future(node.keeper.keep())
        await asyncio.sleep(0)
        keeping.cancel()

        said, event = caplog.messages
        assert said == (
            f"{path} is from a time to come: this machine's clock was set 1 year back since; "
            "what is booked counts from now on as long as it had left"
        )
        assert json.loads(event.split(": ", 1)[1])["data"] == {"seconds": -YEAR}

"""Before the real ledger: requests that wait for its slots, some of whose clients leave."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from extauth.gateway.queue import WaitingRoom
from extauth.ledger import Demand, EmbeddedLedger
from extauth.types import Account, Lifetime, Limit, Queue, Usage

if TYPE_CHECKING:
    from pathlib import Path

SLOTS = 3
LIMIT = Limit("slots", "model:chat", "slots", Lifetime(), SLOTS, "queue", Queue(1000, 60.0))
ONE = Usage(10, 10)
DEMAND = Demand(limits=(LIMIT,), worst=ONE, least=ONE, known=ONE)


async def test_never_more_run_than_there_are_slots(tmp_path: Path) -> None:
    room = WaitingRoom(poll=60.0)
    ledger = EmbeddedLedger(tmp_path / "ledger.db", time.time)
    await ledger.start()
    most, running, served = 0, 0, 0

    async def request(number: int) -> None:
        nonlocal most, running, served
        tenant = f"t{number % 7}"
        account = Account(tenant=tenant, principal=tenant, model="chat", version="1")
        reservation = await room.pass_through(
            DEMAND.limits, tenant, lambda: ledger.reserve(account, DEMAND, time.time())
        )
        running += 1
        most = max(most, running)
        try:
            await asyncio.sleep(0)
            served += 1
        finally:
            running -= 1
            await ledger.settle(reservation, ONE, time.time())
            room.freed(DEMAND.limits)

    tasks = [asyncio.create_task(request(number)) for number in range(60)]
    await asyncio.sleep(0)
    assert room.waiting == 60 - SLOTS
    for task in tasks[::10]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert most == SLOTS
    assert served == sum(not task.cancelled() for task in tasks) >= 54
    assert (ledger.open, room.waiting) == (0, 0)
    await ledger.close()

"""A notifier beside its metrics."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from prometheus_client.exposition import generate_latest

from extauth.events import Notifier, Retry
from extauth.observability.metrics import Metrics
from extauth.types import Account, Crossing, Lifetime, Limit
from tests.receiver import PATIENCE, Receiver

if TYPE_CHECKING:
    from extauth.types import Clock

ACCOUNT = Account(tenant="acme", principal="acme/ada", model="chat", version="1")
AT_ONCE = Retry(attempts=4, first=0.001, longest=0.002)
NEVER_AGAIN = Retry(first=3600.0, longest=3600.0)


def crossing(percent: int = 80, name: str = "tokens", **fields: Any) -> Crossing:
    limit = Limit(name, "tenant:acme", "tokens", Lifetime(), 1000, warn_at=(percent,))
    return Crossing(limit=limit, percent=percent, used=10 * percent, resets_at=None, **fields)


class Told:
    """A notifier and its metrics."""

    def __init__(self, clock: Clock = time.time, **options: Any) -> None:
        self.metrics = Metrics()
        self.events = Notifier(self.metrics, clock, **{"retry": AT_ONCE, **options})

    def raised(self, *percents: int, tenant: str = "acme", name: str = "tokens") -> None:
        account = Account(tenant=tenant, principal=tenant, model="chat", version="1")
        for percent in percents:
            self.events.raised(crossing(percent, name), account)

    def count(self, name: str, **labels: str) -> float:
        told = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
        for line in generate_latest(self.metrics).decode().splitlines():
            if line.startswith(f"{name}{{{told}}} "):
                return float(line.rsplit(" ", 1)[1])
        return 0

    def outcomes(self, receiver: Receiver) -> dict[str, float]:
        found = {
            outcome: self.count(
                "sluice_webhook_deliveries_total", outcome=outcome, webhook=receiver.address
            )
            for outcome in ("delivered", "failed", "dropped")
        }
        return {outcome: count for outcome, count in found.items() if count}

    async def settled(self) -> None:
        """End all webhooks, and wait until every delivery is done or given up."""
        await self.events.serve([])
        delivering = asyncio.all_tasks() - {asyncio.current_task()}
        if delivering:
            _, left = await asyncio.wait(delivering, timeout=PATIENCE)
            assert not left
        assert self.events.waiting == 0

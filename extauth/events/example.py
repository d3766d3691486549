"""An event that did not happen, to see whether it would arrive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extauth.events.event import Event, Message
from extauth.events.sender import DeliveryAttempt, Sender
from extauth.types import Account, CalendarPeriod, Crossing, Limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.settings import Webhook
    from extauth.types import Clock

TENANT = "example"


def example(now: float) -> Event:
    """80 % of an invented limit of an invented tenant, crossed at `now`."""
    day = CalendarPeriod("day")
    limit = Limit("example", f"tenant:{TENANT}", "tokens", day, 1_000_000, warn_at=(80,))
    midnight = now - now % 86_400 + 86_400
    account = Account(tenant=TENANT, principal=TENANT, model="chat", version="1")
    return Event.of(Crossing(limit, 80, 800_000, midnight), account, now)


async def try_webhooks(webhooks: Sequence[Webhook], clock: Clock) -> tuple[DeliveryAttempt, ...]:
    """Send the example to each, whatever it filters, and say what came back."""
    message = Message.of(example(clock()))
    sender = Sender(clock)
    try:
        return tuple(await asyncio.gather(*(sender.send(webhook, message) for webhook in webhooks)))
    finally:
        await sender.close()

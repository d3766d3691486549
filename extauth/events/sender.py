"""Delivery of one message to one webhook over HTTP, one attempt."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError, Unreachable
from extauth.events.event import Event, WebhookMessage
from extauth.events.secret import Secret
from extauth.network.client import HttpClient
from extauth.types import Account, CalendarPeriod, Crossing, Limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.settings import Webhook
    from extauth.types import Clock

_EXAMPLE_TENANT = "example"

SECONDS = 10.0
"""Seconds that an attempt may take, connecting included."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of an attempt: an HTTP status, or None and the reason why there is none.

    `seconds` is the time that the attempt took.
    """

    status: int | None
    reason: str
    seconds: float

    @property
    def accepted(self) -> bool:
        """True for an answer of 200 to 299. A redirect is neither followed nor accepted."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Signs and posts messages for all webhooks. Belongs to one event loop; tasks may share it."""

    def __init__(self, clock: Clock, *, timeout: float = SECONDS) -> None:
        self._clock = clock
        # The status says it all: no body is read.
        self._client = HttpClient(timeout=timeout, largest=0)

    async def send(self, webhook: Webhook, message: WebhookMessage) -> Delivery:
        """Make one attempt. Never raises; the outcome contains no part of the URL or of the secret.

        The secret is read for each attempt, so a changed file takes effect at the next one.
        """
        started = time.perf_counter()
        status, reason = await self._send(webhook, message)
        return Delivery(status, reason, time.perf_counter() - started)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _send(self, webhook: Webhook, message: WebhookMessage) -> tuple[int | None, str]:
        try:
            secret = await asyncio.to_thread(Secret.read, Path(webhook.secret_file))
        except ConfigurationError as error:
            return None, error.message
        timestamp = int(self._clock())
        headers = {
            "content-type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": secret.sign(message.id, timestamp, message.body),
        }
        try:
            response = await self._client.request(
                "POST", webhook.url, message.body, headers=headers
            )
        except Unreachable as error:
            return None, error.message
        except Exception as error:  # Whatever it is, others wait behind it.
            return None, f"the attempt failed: {type(error).__name__}"
        return response.status, f"answered {response.status}"


async def try_webhooks(webhooks: Sequence[Webhook], clock: Clock) -> tuple[Delivery, ...]:
    """Send an example event to each webhook, whatever its filters, and return the outcomes."""
    message = WebhookMessage.of(_example(clock()))
    sender = Sender(clock)
    try:
        return tuple(await asyncio.gather(*(sender.send(webhook, message) for webhook in webhooks)))
    finally:
        await sender.close()


def _example(now: float) -> Event:
    """Return an event of an invented tenant that used 80 % of an invented limit at `now`."""
    day = CalendarPeriod("day")
    limit = Limit("example", f"tenant:{_EXAMPLE_TENANT}", "tokens", day, 1_000_000, warn_at=(80,))
    midnight = now - now % 86_400 + 86_400
    account = Account(tenant=_EXAMPLE_TENANT, principal=_EXAMPLE_TENANT, model="chat", version="1")
    return Event.of(Crossing(limit, 80, 800_000, midnight), account, now)

"""One attempt to deliver one message to one webhook, over HTTP."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from extauth.errors import ConfigurationError
from extauth.events.event import Event, WebhookMessage
from extauth.events.secret import Secret
from extauth.types import Account, CalendarPeriod, Crossing, Limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.settings import Webhook
    from extauth.types import Clock

_EXAMPLE_TENANT = "example"

SECONDS = 10.0
"""How long a receiver may take to answer, connecting included."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of an attempt: an HTTP status, or None and why there is none."""

    status: int | None
    reason: str
    seconds: float

    @property
    def accepted(self) -> bool:
        """Whether the receiver has it now. A redirect is not followed and so not one of these."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Signs and posts, for all webhooks. Belongs to one event loop; tasks may share it."""

    def __init__(self, clock: Clock, *, timeout: float = SECONDS) -> None:
        self._clock = clock
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def send(self, webhook: Webhook, message: WebhookMessage) -> Delivery:
        """Try once. Never raises; no part of the URL or of the secret is in the answer.

        The secret is read each time, so that a changed file counts from the next attempt on.
        """
        started = time.perf_counter()
        status, reason = await self._send(webhook, message)
        return Delivery(status, reason, time.perf_counter() - started)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, webhook: Webhook, message: WebhookMessage) -> tuple[int | None, str]:
        try:
            secret = await asyncio.to_thread(Secret.read, Path(webhook.secret_file))
        except ConfigurationError as error:
            return None, error.message
        timestamp = int(self._clock())
        headers = {
            "content-type": "application/json",
            "user-agent": "sluice",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": secret.sign(message.id, timestamp, message.body),
        }
        try:
            async with self._connected().post(
                webhook.url, data=message.body, headers=headers, allow_redirects=False
            ) as response:
                return response.status, f"answered {response.status}"
        except Exception as error:  # Whatever it is, others wait behind it.
            return None, self._told(error)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _told(self, error: Exception) -> str:
        """Why, without the URL: its path may be a secret of the receiver's."""
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout:g} s"
        if isinstance(error, aiohttp.ClientSSLError):
            return "its TLS certificate is not valid"
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return "its name can't be resolved"
        if isinstance(error, aiohttp.ClientConnectorError):
            # asyncio's own words name the address once more.
            number = error.os_error.errno
            return f"can't connect: {os.strerror(number) if number else 'no address answers'}"
        return f"the connection failed: {type(error).__name__}"


async def try_webhooks(webhooks: Sequence[Webhook], clock: Clock) -> tuple[Delivery, ...]:
    """Send the example to each, whatever it filters, and say what came back."""
    message = WebhookMessage.of(_example(clock()))
    sender = Sender(clock)
    try:
        return tuple(await asyncio.gather(*(sender.send(webhook, message) for webhook in webhooks)))
    finally:
        await sender.close()


def _example(now: float) -> Event:
    """80 % of an invented limit of an invented tenant, crossed at `now`."""
    day = CalendarPeriod("day")
    limit = Limit("example", f"tenant:{_EXAMPLE_TENANT}", "tokens", day, 1_000_000, warn_at=(80,))
    midnight = now - now % 86_400 + 86_400
    account = Account(tenant=_EXAMPLE_TENANT, principal=_EXAMPLE_TENANT, model="chat", version="1")
    return Event.of(Crossing(limit, 80, 800_000, midnight), account, now)

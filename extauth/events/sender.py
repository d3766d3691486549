"""Delivery of one message to one webhook over HTTP, one attempt."""

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
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def send(self, webhook: Webhook, message: WebhookMessage) -> Delivery:
        """Make one attempt. Never raises; the outcome contains no part of the URL or of the secret.

        The secret is read for each attempt, so a changed file takes effect at the next one.
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
        except Exception as error:  # Any failure: the messages behind it must still go out.
            return None, self._told(error)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _told(self, error: Exception) -> str:
        """Return the reason of a failure without the URL, whose path may be a secret."""
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout:g} s"
        if isinstance(error, aiohttp.ClientSSLError):
            return "its TLS certificate is not valid"
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return "its name can't be resolved"
        if isinstance(error, aiohttp.ClientConnectorError):
            # asyncio's own message repeats the address.
            number = error.os_error.errno
            return f"can't connect: {os.strerror(number) if number else 'no address answers'}"
        return f"the connection failed: {type(error).__name__}"


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

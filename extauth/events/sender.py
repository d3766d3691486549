"""One attempt to deliver one message to one webhook, over HTTP."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError, Unreachable
from extauth.events.secret import Secret
from extauth.network.client import HttpClient

if TYPE_CHECKING:
    from extauth.events.event import Message
    from extauth.settings import Webhook
    from extauth.types import Clock

SECONDS = 10.0
"""How long a receiver may take to answer, connecting included."""


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
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
        # The status says it all: no body is read.
        self._client = HttpClient(timeout=timeout, largest=0)

    async def send(self, webhook: Webhook, message: Message) -> DeliveryAttempt:
        """Try once. Never raises; no part of the URL or of the secret is in the answer.

        The secret is read each time, so that a changed file counts from the next attempt on.
        """
        started = time.perf_counter()
        status, reason = await self._send(webhook, message)
        return DeliveryAttempt(status, reason, time.perf_counter() - started)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _send(self, webhook: Webhook, message: Message) -> tuple[int | None, str]:
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

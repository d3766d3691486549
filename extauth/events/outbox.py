"""The queue of messages for one webhook, retried until they arrive or are given up."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from secrets import SystemRandom
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from extauth.events.event import WebhookMessage
    from extauth.events.metrics import EventMetrics
    from extauth.events.sender import Sender
    from extauth.settings import Webhook
    from extauth.types.pseudonyms import Pseudonyms

logger = logging.getLogger(__name__)

ROOM = 1000
"""Messages that may wait for one webhook at most; further ones are dropped and counted."""

_random = SystemRandom()


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry schedule: `attempts` in all, with pauses that double from `first` to `longest`
    seconds.
    """

    attempts: int = 10
    first: float = 1.0
    longest: float = 300.0

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after so many failures, shortened by up to half at random."""
        most = min(self.longest, self.first * 2 ** (failures - 1))
        return _random.uniform(most / 2, most)


class Outbox:
    """The queue of one webhook and the task that empties it; webhooks don't wait for each other.

    Belongs to one event loop. A message that waits for its next attempt does not delay newer ones.
    """

    def __init__(
        self,
        webhook: Webhook,
        sender: Sender,
        metrics: EventMetrics,
        *,
        retry: Retry,
        room: int = ROOM,
    ) -> None:
        self.webhook = webhook
        self._sender = sender
        self._metrics = metrics
        self._retry = retry
        self._room = room
        # Only the host: the path may be a secret of the receiver.
        self._name = urlsplit(webhook.url).netloc
        metrics.serves(self._name)
        self._waiting: list[tuple[float, int, WebhookMessage, int]] = []
        self._numbers = count()
        self._sending = 0
        # Renames that arrived while a delivery is under way.
        self._renamed: list[Pseudonyms] = []
        self._wake = asyncio.Event()
        self._ending = False
        self._hurrying = False
        self.task = asyncio.ensure_future(self._run())

    @property
    def size(self) -> int:
        """Messages that are not delivered yet."""
        return len(self._waiting) + self._sending

    def put(self, message: WebhookMessage) -> None:
        """Queue a message if the webhook's filters accept it and there is room. Never blocks."""
        tenants, limits = self.webhook.tenants, self.webhook.limits
        if (tenants and message.tenant not in tenants) or (limits and message.limit not in limits):
            return
        if self.size >= self._room:
            self._drop(message, f"{self._room} others wait already")
            return
        self._queue(message, 0, 0.0)

    def rename(self, pseudonyms: Pseudonyms) -> None:
        """Replace names in the queued messages, and in the message under way if it is retried."""
        self._renamed.append(pseudonyms)
        self._waiting = [
            (due, number, message.renamed(pseudonyms), failures)
            for due, number, message, failures in self._waiting
        ]

    def end(self) -> None:
        """Stop once everything is delivered or given up, on the usual schedule."""
        self._ending = True
        self._wake.set()

    def hurry(self) -> None:
        """Try every message once more now, then stop."""
        self._hurrying = True
        self.end()

    async def abandon(self) -> None:
        """Stop now, and log the number of messages that are left."""
        if left := self.size:
            logger.warning("webhook %s: %d events were not delivered: stopping", self._name, left)
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    def _queue(self, message: WebhookMessage, failures: int, pause: float) -> None:
        due = asyncio.get_running_loop().time() + pause
        heappush(self._waiting, (due, next(self._numbers), message, failures))
        self._wake.set()

    async def _run(self) -> None:
        while not (self._ending and not self._waiting):
            self._wake.clear()
            if (pause := self._pause()) != 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                continue
            _, _, message, failures = heappop(self._waiting)
            self._sending = 1
            try:
                await self._deliver(message, failures)
            finally:
                self._sending = 0

    def _pause(self) -> float | None:
        """Return the seconds until a message is due; None while the queue is empty."""
        if not self._waiting:
            return None
        if self._hurrying:
            return 0
        return max(0.0, self._waiting[0][0] - asyncio.get_running_loop().time())

    async def _deliver(self, message: WebhookMessage, failures: int) -> None:
        failures += 1
        # A message that was under way when `hurry` was called gets one more attempt.
        last = self._hurrying or failures >= self._retry.attempts
        self._renamed.clear()
        answer = await self._sender.send(self.webhook, message)
        for pseudonyms in self._renamed:
            message = message.renamed(pseudonyms)
        if answer.accepted:
            self._metrics.delivery(self._name, "delivered")
            return
        if last:
            self._drop(message, f"{answer.reason} (attempt {failures})")
            return
        self._metrics.delivery(self._name, "failed")
        self._queue(message, failures, self._retry.pause(failures))

    def _drop(self, message: WebhookMessage, why: str) -> None:
        self._metrics.delivery(self._name, "dropped")
        logger.warning("webhook %s: event %s is dropped: %s", self._name, message.id, why)

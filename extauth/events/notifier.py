"""The gateway's notifications: of crossed thresholds, and of a clock that was set."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError
from extauth.events.event import Event, WebhookMessage
from extauth.events.metrics import EventMetrics
from extauth.events.outbox import ROOM, Outbox, Retry
from extauth.events.secret import Secret
from extauth.events.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.observability.metrics import Metrics
    from extauth.settings import Webhook
    from extauth.types import Account, Clock, Crossing
    from extauth.types.pseudonyms import Pseudonyms

logger = logging.getLogger(__name__)

GRACE = 3.0
"""Seconds that deliveries get when the service stops."""


class Notifier:
    """Logs, counts and delivers events. Belongs to one event loop.

    Without webhooks it only logs and counts, and holds no task or connection.
    """

    def __init__(
        self,
        metrics: Metrics,
        clock: Clock,
        *,
        sender: Sender | None = None,
        retry: Retry | None = None,
        room: int = ROOM,
    ) -> None:
        """`retry` and `room` apply to every webhook."""
        self._metrics = EventMetrics(metrics, lambda: self.waiting)
        self._clock = clock
        self._sender = sender or Sender(clock)
        self._retry = retry or Retry()
        self._room = room
        self._outboxes: dict[Webhook, Outbox] = {}
        self._ended: set[Outbox] = set()

    def raised(self, crossing: Crossing, account: Account) -> None:
        """Log and count a crossed threshold, and queue its delivery. Never blocks, never raises."""
        try:
            self._raise(crossing, account)
        except Exception:  # A failing notification must not fail the request.
            logger.exception("an event of limit %s could not be told", crossing.limit.name)

    def stepped(self, step: float) -> None:
        """Log that this machine's clock was set by so many seconds, and queue the delivery.

        It goes to webhooks without a filter: those with one ask for tenants or limits. Never
        raises.
        """
        try:
            self._deliver(Event.stepped(step, self._clock()))
        except Exception:  # Whoever keeps the time goes on.
            logger.exception("an event of the clock could not be told")

    @property
    def waiting(self) -> int:
        """Deliveries that are queued or under way."""
        return sum(outbox.size for outbox in (*self._outboxes.values(), *self._ended))

    async def serve(self, webhooks: Sequence[Webhook]) -> None:
        """Deliver to these webhooks from now on.

        A webhook that was served before keeps its queue; one that is no longer listed gets what was
        queued for it, and nothing new. A secret that can't be read is logged and read again at each
        attempt: the compiler has refused a configuration whose secret was missing from the start.
        """
        for webhook in webhooks:
            try:
                await asyncio.to_thread(Secret.read, Path(webhook.secret_file))
            except ConfigurationError as error:
                logger.warning("events can't be signed: %s", error.message)
        served: dict[Webhook, Outbox] = {}
        for webhook in dict.fromkeys(webhooks):
            kept = self._outboxes.pop(webhook, None)
            served[webhook] = kept if kept is not None else self._open(webhook)
        gone, self._outboxes = self._outboxes, served
        for outbox in gone.values():
            self._end(outbox)

    def rename(self, pseudonyms: Pseudonyms) -> None:
        """Replace names in every message that is not delivered yet."""
        for outbox in (*self._outboxes.values(), *self._ended):
            outbox.rename(pseudonyms)

    async def close(self, grace: float = GRACE) -> None:
        """Try every queued delivery once more, within `grace` seconds in all; log the rest."""
        outboxes = [*self._outboxes.values(), *self._ended]
        self._outboxes = {}
        for outbox in outboxes:
            outbox.hurry()
        if outboxes:
            await asyncio.wait([outbox.task for outbox in outboxes], timeout=grace)
        for outbox in outboxes:
            await outbox.abandon()
        await self._sender.close()

    def _raise(self, crossing: Crossing, account: Account) -> None:
        self._metrics.event(crossing.limit.name, crossing.percent)
        self._deliver(Event.of(crossing, account, self._clock()))

    def _deliver(self, event: Event) -> None:
        message = WebhookMessage.of(event)
        logger.warning("event %s: %s", message.id, message.body.decode())
        for outbox in self._outboxes.values():
            outbox.put(message)

    def _end(self, outbox: Outbox) -> None:
        self._ended.add(outbox)
        outbox.task.add_done_callback(lambda _: self._ended.discard(outbox))
        outbox.end()

    def _open(self, webhook: Webhook) -> Outbox:
        return Outbox(webhook, self._sender, self._metrics, retry=self._retry, room=self._room)

"""Telling the world that a limit is nearly used up: a log line, a metric, signed webhooks.

The ledger says which thresholds a settlement crossed, each once a window. `Notifier.raised` tells;
an `Outbox` a webhook delivers behind its back, through one `Sender`, signed with a `Secret` as
https://www.standardwebhooks.com asks for. What a webhook receives is in schemas/event.schema.json.
"""

from extauth.events.event import CrossedThreshold, Event, WebhookMessage
from extauth.events.notifier import Notifier
from extauth.events.outbox import Retry
from extauth.events.secret import Secret
from extauth.events.sender import Delivery, Sender, try_webhooks

__all__ = [
    "CrossedThreshold",
    "Delivery",
    "Event",
    "Notifier",
    "Retry",
    "Secret",
    "Sender",
    "WebhookMessage",
    "try_webhooks",
]

"""Telling the world that a limit is nearly used up: a log line, a metric, signed webhooks.

The ledger says which thresholds a settlement crossed, each once a window. `Events.raised` tells;
an `Outbox` a webhook delivers behind its back, through one `Sender`, signed with a `Secret` as
https://www.standardwebhooks.com asks for. What a webhook receives is in schemas/event.schema.json.
"""

from extauth.events.event import Event, Message, Threshold
from extauth.events.events import Events
from extauth.events.example import try_webhooks
from extauth.events.outbox import Retry
from extauth.events.secret import Secret
from extauth.events.sender import DeliveryAttempt, Sender

__all__ = [
    "DeliveryAttempt",
    "Event",
    "Events",
    "Message",
    "Retry",
    "Secret",
    "Sender",
    "Threshold",
    "try_webhooks",
]

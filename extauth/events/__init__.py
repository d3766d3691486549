"""Events, such as a limit that is nearly used up: a log line, a metric, signed webhooks.

The ledger reports each threshold that a settlement crosses, once a window, and `Notifier.raised`
logs and counts it. One `Outbox` a webhook delivers it in the background, through one `Sender`,
signed with a `Secret` as https://www.standardwebhooks.com specifies. schemas/event.schema.json
describes a webhook's body.
"""

from extauth.events.event import CrossedThreshold, Event, SteppedClock, WebhookMessage
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
    "SteppedClock",
    "WebhookMessage",
    "try_webhooks",
]

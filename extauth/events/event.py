"""Events: the body of a webhook (schemas/event.schema.json), which the log has as well."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple
from uuid import uuid4

import msgspec

from extauth.types import Unit

if TYPE_CHECKING:
    from extauth.types import Account, Crossing
    from extauth.types.pseudonyms import Pseudonyms


class CrossedThreshold(msgspec.Struct, frozen=True):
    """A threshold of a limit that was crossed: facts, never content.

    `key` is the limit's counter, `tenant` the tenant whose request crossed the threshold. `used`
    and `max` are in `unit`. `resets_at` is None for a limit that never resets.
    """

    tenant: str
    limit: str
    key: str
    unit: Unit
    percent: int
    used: int
    max: int
    resets_at: datetime | None


class SteppedClock(msgspec.Struct, frozen=True):
    """The clock of the gateway's machine was set, by `seconds`: negative, if it was set back."""

    seconds: float


class Event(msgspec.Struct, frozen=True):
    """A webhook's body: `type`, `timestamp` and `data`, as Standard Webhooks recommends."""

    type: Literal["limit.threshold_crossed", "clock.stepped"]
    timestamp: datetime
    data: CrossedThreshold | SteppedClock

    @classmethod
    def of(cls, crossing: Crossing, account: Account, now: float) -> Event:
        """Return the event of a threshold crossed at `now`, in unix seconds."""
        limit, resets_at = crossing.limit, crossing.resets_at
        return cls(
            type="limit.threshold_crossed",
            timestamp=datetime.fromtimestamp(now, UTC),
            data=CrossedThreshold(
                tenant=account.tenant,
                limit=limit.name,
                key=limit.key,
                unit=limit.unit,
                percent=crossing.percent,
                used=crossing.used,
                max=limit.max,
                resets_at=None if resets_at is None else datetime.fromtimestamp(resets_at, UTC),
            ),
        )

    @classmethod
    def stepped(cls, step: float, now: float) -> Event:
        """Return the event of a clock that was set by so many seconds, and shows `now` since."""
        return cls("clock.stepped", datetime.fromtimestamp(now, UTC), SteppedClock(step))


class WebhookMessage(NamedTuple):
    """An event to deliver. `id` stays the same over retries, so that a receiver can deduplicate.

    `tenant` and `limit` are None for an event of the gateway itself.
    """

    id: str
    tenant: str | None
    limit: str | None
    body: bytes

    @classmethod
    def of(cls, event: Event) -> WebhookMessage:
        """Return a message for `event`, with a new id."""
        data = event.data
        tenant = limit = None
        if isinstance(data, CrossedThreshold):
            tenant, limit = data.tenant, data.limit
        return cls(f"evt_{uuid4().hex}", tenant, limit, msgspec.json.encode(event))

    def renamed(self, pseudonyms: Pseudonyms) -> WebhookMessage:
        """Return the message with the names in its body replaced; its id stays."""
        body = pseudonyms.deeply(msgspec.json.decode(self.body))
        return self._replace(body=msgspec.json.encode(body))

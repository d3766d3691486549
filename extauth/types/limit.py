"""Limits, their windows and their queues: shared by policies, the ledger, events and errors."""

from __future__ import annotations

from typing import Annotated, Literal, Protocol, Self, TypeVar

import msgspec

Unit = Literal[
    "requests", "prompt_tokens", "completion_tokens", "tokens", "cost", "seconds", "slots"
]
"""The unit of a limit. `cost` is in micro-units of the prices' currency, `seconds` are the
backend's computing time, `slots` are requests in flight.
"""


class TokenBucket(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="bucket"
):
    """A token bucket: `refill` units become free every `seconds`; `max` is the burst."""

    refill: Annotated[
        int, msgspec.Meta(ge=1, description="The units that become free every `seconds`.")
    ]
    seconds: Annotated[
        int, msgspec.Meta(ge=1, description="The time in which `refill` units become free.")
    ]


class CalendarPeriod(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="calendar"
):
    """An hour, day or month of a time zone. Months begin at midnight on day `anchor`."""

    period: Annotated[
        Literal["hour", "day", "month"], msgspec.Meta(description="The length of the period.")
    ]
    time_zone: Annotated[
        str, msgspec.Meta(description="The time zone of its midnight, by its IANA name.")
    ] = "UTC"
    anchor: Annotated[
        int, msgspec.Meta(ge=1, le=28, description="The day on which a month begins.")
    ] = 1


class Lifetime(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="lifetime"
):
    """No window: usage counts for ever. Slots have it: they are free when a request ends."""


Seconds = Annotated[int, msgspec.Meta(ge=1, description="A rolling window of that many seconds.")]


Window = Seconds | TokenBucket | CalendarPeriod | Lifetime
"""The window of a limit. A number is a rolling window of that many seconds."""


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules for waiting until a limit has room.

    A request waits at most `max_wait` seconds, behind at most `max_waiting` others. Priority
    classes share the room that becomes free by `share`; the tenants within a class share it by
    `weight`.
    """

    max_waiting: Annotated[
        int, msgspec.Meta(ge=1, description="The most requests that may wait at a time.")
    ]
    max_wait: Annotated[float, msgspec.Meta(gt=0, description="The longest wait, in seconds.")]
    priority: Annotated[
        str, msgspec.Meta(description="The priority class that the request waits in.")
    ] = "default"
    share: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            description="The class's part of the room that becomes free, "
            "against the other classes that wait.",
        ),
    ] = 1
    weight: Annotated[
        int, msgspec.Meta(ge=1, description="The tenant's part of the room that its class gets.")
    ] = 1


class Limited(Protocol):
    """A draft of a request, as far as a limit changes it (`obligations.Draft`)."""

    def limited(self, limit: Limit) -> Self:
        """Return the draft with one more limit to reserve under."""


D = TypeVar("D", bound=Limited)


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="limit"):
    """At most `max` of `unit` in any `window`, over all requests under `key`.

    `on_exceed` decides what happens to a request that does not fit. `warn_at` are percents of
    `max`: reaching one raises an event, once a window.
    """

    name: Annotated[
        str, msgspec.Meta(description="The name of the limit, as clients and events have it.")
    ]
    key: Annotated[
        str,
        msgspec.Meta(
            description="The requests that are counted together: "
            "`principal:acme/ada`, `tenant:acme|model:chat`."
        ),
    ]
    unit: Annotated[
        Unit,
        msgspec.Meta(
            description="The unit that is counted. cost: micro-units of the prices' currency. "
            "seconds: the backend's computing time. slots: requests in flight."
        ),
    ]
    window: Annotated[
        Window,
        msgspec.Meta(description="The window that it counts over: rolling seconds, or an object."),
    ]
    max: Annotated[int, msgspec.Meta(ge=0, description="The most that fits into the window.")]
    on_exceed: Annotated[
        Literal["deny", "queue", "clamp", "fallback", "warn"],
        msgspec.Meta(
            description="The fate of a request that does not fit. deny: it is refused with 429. "
            "queue: it waits. clamp: its max_tokens are lowered to what is left. fallback: the "
            "policy is asked again, with the limit's name in `exceeded`. warn: it passes, and "
            "raises an event."
        ),
    ] = "deny"
    queue: Annotated[
        Queue | None,
        msgspec.Meta(
            description="The rules for waiting; required with on_exceed `queue`, and allowed only "
            "there."
        ),
    ] = None
    warn_at: Annotated[
        tuple[Annotated[int, msgspec.Meta(ge=1, le=100)], ...],
        msgspec.Meta(
            description="Percents of `max` that raise an event when reached, each once a window."
        ),
    ] = ()

    def __post_init__(self) -> None:
        if (self.queue is None) == (self.on_exceed == "queue"):
            raise ValueError("`queue` is required with on_exceed `queue`, and allowed only there")
        if self.unit == "slots" and not isinstance(self.window, Lifetime):
            raise ValueError("slots have the window `lifetime`: they are free when a request ends")
        if self.on_exceed == "clamp" and self.unit in {"requests", "seconds", "slots"}:
            raise ValueError(f"a request can't be clamped to fewer {self.unit}")

    def __str__(self) -> str:
        """Return the limit in words: `4000 tokens in 60 s`."""
        most = f"{self.max} {self.unit.replace('_', ' ')}"
        match self.window:
            case TokenBucket(refill=refill, seconds=seconds):
                return f"{most} at once and {refill} more every {seconds} s"
            case CalendarPeriod(period=period):
                return f"{most} in a calendar {period}"
            case Lifetime():
                return f"{most} at once" if self.unit == "slots" else f"{most} in all"
            case seconds:
                return f"{most} in {seconds} s"

    @property
    def label(self) -> str:
        """The limit in a verdict: limits are told apart by their names."""
        return f"limit {self.name}"

    def enforce(self, draft: D) -> D:
        """Reserve under this limit too."""
        return draft.limited(self)


class LimitState(msgspec.Struct, frozen=True):
    """A limit after a reservation: what is left of it, never less than 0.

    `reset` is the seconds until it is unused again, None for a lifetime, which never resets.
    """

    limit: Limit
    remaining: int
    reset: float | None


class Crossing(msgspec.Struct, frozen=True):
    """The event that `percent` of a limit is used up, once a window.

    `used` is in the limit's unit. `resets_at` is in unix seconds, None for a lifetime.
    """

    limit: Limit
    percent: int
    used: int
    resets_at: float | None


def key_part(fact: str, value: str) -> str:
    """Return a part of a limit's key, which are put together with `|`: `tenant:acme|model:chat`.

    A `|` of the value is doubled, so that no two sets of facts have the same key.
    """
    return f"{fact}:{value.replace('|', '||')}"

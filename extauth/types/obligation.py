"""The obligations of a decision, exactly as in `schemas/decision.schema.json`."""

from __future__ import annotations

from typing import Annotated, Literal

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

    refill: Annotated[int, msgspec.Meta(ge=1)]
    seconds: Annotated[int, msgspec.Meta(ge=1)]


class CalendarPeriod(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="calendar"
):
    """An hour, day or month of a time zone. Months begin at midnight on day `anchor`."""

    period: Literal["hour", "day", "month"]
    time_zone: str = "UTC"
    anchor: Annotated[int, msgspec.Meta(ge=1, le=28)] = 1


class Lifetime(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="lifetime"
):
    """No window: usage counts for ever."""


Seconds = Annotated[int, msgspec.Meta(ge=1)]


Window = Seconds | TokenBucket | CalendarPeriod | Lifetime
"""The window of a limit. A number is a rolling window of that many seconds."""


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules for waiting until a limit has room.

    A request waits at most `max_wait` seconds, behind at most `max_waiting` others. Priority
    classes share the room that becomes free by `share`; the tenants within a class share it by
    `weight`.
    """

    max_waiting: Annotated[int, msgspec.Meta(ge=1)]
    max_wait: Annotated[float, msgspec.Meta(gt=0)]
    priority: str = "default"
    share: Annotated[int, msgspec.Meta(ge=1)] = 1
    weight: Annotated[int, msgspec.Meta(ge=1)] = 1


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="limit"):
    """At most `max` of `unit` in any `window`, over all requests under `key`.

    `on_exceed` decides what happens to a request that does not fit. `warn_at` are percents of
    `max`: reaching one raises an event, once a window.
    """

    name: str
    key: str
    unit: Unit
    window: Window
    max: Annotated[int, msgspec.Meta(ge=0)]
    on_exceed: Literal["deny", "queue", "clamp", "fallback", "warn"] = "deny"
    queue: Queue | None = None
    warn_at: tuple[Annotated[int, msgspec.Meta(ge=1, le=100)], ...] = ()

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


Treatment = Literal["placeholder", "redact", "hash", "stand_in", "note", "block"]
"""The treatment of a finding. `placeholder` is put back into the answer, `redact` removes it for
good, `hash` gives equal originals of a tenant the same text, `stand_in` writes another value of the
same format, `note` leaves it in place and reports it, `block` refuses the answer that holds it.
"""


class Mask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="mask"):
    """Treat findings of these kinds before a model sees them, or before the client does."""

    kinds: tuple[str, ...]
    treatment: Treatment = "placeholder"
    direction: Literal["request", "answer"] = "request"

    def __post_init__(self) -> None:
        if self.direction == "answer" and self.treatment == "placeholder":
            raise ValueError("a placeholder is put back into the answer: it is for requests")
        if self.direction == "request" and self.treatment == "block":
            raise ValueError("a request is blocked by a deny: `block` is for answers")


class Clamp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="clamp"):
    """Lower the request's `max_tokens` to at most this."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1)]


class Context(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="context"
):
    """The handling of a prompt longer than `max_prompt_tokens` or than the model's context.

    `drop_oldest` leaves out the oldest turns of a chat, as few as needed, and refuses a chat that
    still does not fit. `room` tokens stay free for an answer whose length the client does not give.
    """

    on_exceed: Literal["deny", "drop_oldest"] = "deny"
    max_prompt_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    room: Annotated[int, msgspec.Meta(ge=1)] = 1


class Settle(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="settle"
):
    """Charge the backend's count where it reports one, or the larger of that and the gateway's."""

    by: Literal["larger", "backend"]


class AnswerGuard(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="guard"
):
    """Strip links that could carry data out of an answer, or block an answer that has one.

    With `allowed_domains`, every link to a host outside these domains and their subdomains counts.
    """

    links: Literal["strip", "block"]
    allowed_domains: tuple[str, ...] = ()


Obligation = Limit | Mask | Clamp | Context | AnswerGuard | Settle

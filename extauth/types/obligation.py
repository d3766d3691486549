"""What a decision asks for beyond allow, exactly as it stands in `schemas/decision.schema.json`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Unit = Literal[
    "requests", "prompt_tokens", "completion_tokens", "tokens", "cost", "seconds", "slots"
]
"""What a limit counts. Cost is in micro-units of the prices' currency, seconds are seconds of
computing, slots are requests that run at the moment."""


class TokenBucket(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="bucket"
):
    """What was used flows off, `refill` every `seconds`; the limit's `max` is the burst."""

    refill: Annotated[int, msgspec.Meta(ge=1)]
    seconds: Annotated[int, msgspec.Meta(ge=1)]


class CalendarPeriod(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="calendar"
):
    """An hour, day or month of a time zone. Months begin on their day `anchor`, at midnight."""

    period: Literal["hour", "day", "month"]
    time_zone: str = "UTC"
    anchor: Annotated[int, msgspec.Meta(ge=1, le=28)] = 1


class Lifetime(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="lifetime"
):
    """All time: what was used counts for ever."""


Seconds = Annotated[int, msgspec.Meta(ge=1)]


Window = Seconds | TokenBucket | CalendarPeriod | Lifetime
"""Over what time a limit counts; a number is a rolling window of so many seconds."""


class Queue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a request waits for room: at most `max_wait` seconds, behind at most `max_waiting`.

    Classes that wait share what becomes free by their `share`, and tenants inside a class by
    their `weight`.
    """

    max_waiting: Annotated[int, msgspec.Meta(ge=1)]
    max_wait: Annotated[float, msgspec.Meta(gt=0)]
    priority: str = "default"
    share: Annotated[int, msgspec.Meta(ge=1)] = 1
    weight: Annotated[int, msgspec.Meta(ge=1)] = 1


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="limit"):
    """At most `max` of `unit` in any `window`, over everything under `key`.

    `on_exceed` says what becomes of a request that does not fit. `warn_at` are percents of `max`;
    reaching one raises an event, once a window.
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
            raise ValueError("`queue` belongs to on_exceed `queue`, and to nothing else")
        if self.unit == "slots" and not isinstance(self.window, Lifetime):
            raise ValueError("slots have the window `lifetime`: they are free when a request ends")
        if self.on_exceed == "clamp" and self.unit in {"requests", "seconds", "slots"}:
            raise ValueError(f"a request can't be clamped to fewer {self.unit}")

    def __str__(self) -> str:
        """In words: `4000 tokens in 60 s`."""
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
"""What becomes of a finding: `placeholder` is put back into the answer, `redact` is gone for good,
`hash` is the same for a tenant's equal originals, `stand_in` is another value of the same format,
`note` leaves it and tells, `block` refuses the answer that holds it."""


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
    """Lower `max_tokens` to this at most."""

    max_tokens: Annotated[int, msgspec.Meta(ge=1)]


class Context(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="context"
):
    """What becomes of a prompt that is longer than `max_prompt_tokens` or the model's context.

    `drop_oldest` leaves out the oldest turns of a chat, as few as will do; what still does not fit
    is refused. `room` tokens are left to an answer whose length the client does not name.
    """

    on_exceed: Literal["deny", "drop_oldest"] = "deny"
    max_prompt_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    room: Annotated[int, msgspec.Meta(ge=1)] = 1


class Settle(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="settle"
):
    """Charge what the backend counted, where it tells; or the gateway's count if that is larger."""

    by: Literal["larger", "backend"]


class AnswerGuard(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="guard"
):
    """Take links that could carry data out of the answer, or refuse the answer that has one.

    With `allowed_domains` all links are that point elsewhere than to them and their subdomains.
    """

    links: Literal["strip", "block"]
    allowed_domains: tuple[str, ...] = ()


Obligation = Limit | Mask | Clamp | Context | AnswerGuard | Settle

"""Usage: of a request, of its limits, and of the account that it is charged to."""

from __future__ import annotations

from typing import Protocol

import msgspec

from extauth.types.obligation import Limit


class Usage(msgspec.Struct, frozen=True):
    """The usage of a request, or the part that is known when a request was cut off.

    `cost` is in micro-units of the prices' currency; `milliseconds` are the backend's.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0
    milliseconds: int = 0

    @property
    def total_tokens(self) -> int:
        """Prompt tokens and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens


class Account(msgspec.Struct, frozen=True):
    """The key of a line of the usage report: the principal charged, and the model it used."""

    tenant: str
    principal: str
    model: str
    version: str
    team: str = ""


class LimitState(msgspec.Struct, frozen=True):
    """A limit after a reservation. `reset` is the seconds until the limit is unused again.

    `reset` is None for a lifetime, which never resets.
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


class Clock(Protocol):
    """A source of unix seconds: `time.time`, or a simulation's own."""

    def __call__(self) -> float: ...

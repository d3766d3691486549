"""What a request uses and says, and what is left of its limits."""

from __future__ import annotations

from typing import Protocol

import msgspec

from extauth.types.obligation import Limit


class Usage(msgspec.Struct, frozen=True):
    """What a request really used, or is known to have used when it was cut.

    `cost` is in micro-units of the prices' currency, `milliseconds` are those of the backend.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: int = 0
    milliseconds: int = 0

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


class Account(msgspec.Struct, frozen=True):
    """Whose usage it is, and of what: the key under which `sluice usage` finds it."""

    tenant: str
    principal: str
    model: str
    version: str
    team: str = ""


class LimitState(msgspec.Struct, frozen=True):
    """One limit after a reservation: `reset` is the seconds until it is whole again.

    None means never, as nothing that counts leaves a lifetime.
    """

    limit: Limit
    remaining: int
    reset: float | None


class Crossing(msgspec.Struct, frozen=True):
    """`percent` of a limit is used up, for the first time in its window.

    `resets_at` is in unix seconds, None for a lifetime.
    """

    limit: Limit
    percent: int
    used: int
    resets_at: float | None


class Clock(Protocol):
    """Unix seconds. The real one is `time.time`; a simulation brings its own."""

    def __call__(self) -> float: ...

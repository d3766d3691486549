"""Usage: of a request, and of the account that it is charged to."""

from __future__ import annotations

from typing import Protocol

import msgspec


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


class Clock(Protocol):
    """A source of unix seconds: `time.time`, or a simulation's own."""

    def __call__(self) -> float: ...

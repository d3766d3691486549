"""The sampling parameters of one request, read from its tensors and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

MOST_COMPLETIONS = 16


class RequestError(Exception):
    """The client's fault; the message is safe to send back and holds no text of the prompt."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """How to complete a prompt. Every default is what an absent tensor means.

    `max_tokens` None asks for as much as the context allows; `seed` None draws a fresh one.
    """

    stream: bool = False
    max_tokens: int | None = None
    temperature: float = 1.0
    top_p: float = 1.0
    n: int = 1
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0

    def __post_init__(self) -> None:
        """Raise RequestError for the first value out of range."""
        if self.max_tokens is not None and self.max_tokens < 1:
            raise RequestError("max_tokens must be at least 1")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise RequestError("temperature must be a number of 0 or more")
        if not 0 < self.top_p <= 1:
            raise RequestError("top_p must be above 0 and at most 1")
        if not 1 <= self.n <= MOST_COMPLETIONS:
            raise RequestError(f"n must be between 1 and {MOST_COMPLETIONS}")
        if "" in self.stop:
            raise RequestError("a stop string must not be empty")
        for name in ("presence_penalty", "frequency_penalty"):
            if not math.isfinite(getattr(self, name)):
                raise RequestError(f"{name} must be a finite number")


def decode(value: bytes, name: str) -> str:
    """`value` as text; raises RequestError when it is not valid UTF-8."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise RequestError(f"{name} is not valid UTF-8") from None


def read(tensors: Mapping[str, NDArray[Any]]) -> Parameters:
    """Build Parameters from the tensors present; raises RequestError."""
    given: dict[str, Any] = {
        name: tensors[name].item()
        for name in Parameters.__dataclass_fields__
        if name in tensors and name != "stop"
    }
    if "stop" in tensors:
        given["stop"] = tuple(decode(stop, "stop") for stop in tensors["stop"].reshape(-1))
    return Parameters(**given)

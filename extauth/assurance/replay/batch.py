"""Batches: what workers send to the process that counts, one for each piece, in order."""

from __future__ import annotations

from typing import Literal

import msgspec

from extauth.policy.verdict import Verdict
from extauth.types import Facts

Fate = Literal["used", "unused", "unsent", "apart"]
"""The fate of a request's reservation.

- `used`: settled with the recorded usage.
- `unused`: made and given back, since nothing was used.
- `unsent`: never made, since the request was denied or limited.
- `apart`: never made for another reason, which no policy changes, such as a malformed request.
"""


class TokenDemand(msgspec.Struct, frozen=True, array_like=True):
    """The tokens that a request asks for: of the prompt, and of each of `n` choices."""

    prompt: int
    choice: int
    n: int
    completion: int | None
    """Tokens that were generated; None when unknown."""
    seconds: float | None
    """The duration; None when unknown."""
    fate: Fate


class Judged(msgspec.Struct, frozen=True, array_like=True):
    """A request with both verdicts, as places in the batch's list of verdicts."""

    request_id: str
    time: float
    tenant: str
    principal: str
    roles: tuple[str, ...]
    model: str
    before: int
    after: int
    admission_only: bool
    """True if the record knows nothing of a body that would have followed."""
    limited: bool
    """True if a limit had no room at the time."""
    demand: TokenDemand | None


class BadRecord(msgspec.Struct, frozen=True, array_like=True):
    """A record that can't be used: its place in the piece, counted from 1, and why."""

    place: int
    message: str


class Batch(msgspec.Struct, array_like=True):
    """A piece of the trace, judged. With a fault, the batch ends there.

    `late` is the first request on which the candidate took too long, by the package asked.
    """

    read: int = 0
    unreachable: int = 0
    verdicts: list[Verdict] = []
    judged: list[Judged] = []
    fault: BadRecord | None = None
    first: float = float("inf")
    last: float = float("-inf")
    migrated: int = 0
    late: dict[str, Facts] = {}


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Batch).decode

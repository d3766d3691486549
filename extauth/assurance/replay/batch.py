"""What workers send to the one process that counts: a batch a piece, compact and in order."""

from __future__ import annotations

from typing import Literal

import msgspec

from extauth.policy.verdict import Verdict
from extauth.types import Facts

Fate = Literal["used", "unused", "unsent", "apart"]
"""What became of a request's reservation.

- `used`: settled with the recorded usage.
- `unused`: sent, and given back, for nothing was used.
- `unsent`: never made, for the request was denied or limited.
- `apart`: never made for another reason, which no policy changes: it was malformed, say.
"""


class TokenDemand(msgspec.Struct, frozen=True, array_like=True):
    """What a request asks of the ledger: tokens of the prompt, and of each of `n` choices."""

    prompt: int
    choice: int
    n: int
    completion: int | None
    """Tokens that were really generated; None when nobody knows."""
    seconds: float | None
    """How long it took; None when nobody knows."""
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
    """Whether a body would have followed that the record knows nothing of."""
    limited: bool
    """Whether a limit had no room at the time."""
    demand: TokenDemand | None


class BadRecord(msgspec.Struct, frozen=True, array_like=True):
    """A record that can't be used: its place in the piece, counted from 1, and why."""

    place: int
    message: str


class Batch(msgspec.Struct, array_like=True):
    """One piece of the trace, judged. With a fault, it ends there.

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

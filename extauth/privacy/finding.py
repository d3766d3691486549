"""What a detector reports: where something sensitive stands, never the thing itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["secret", "card", "iban", "email", "phone", "ip"]

KINDS: tuple[Kind, ...] = get_args(Kind)
"""Every kind. The order is the priority among overlapping findings, most harmful first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of one text that is sensitive.

    `start` and `end` are half-open offsets in code points of the text as the client sent it.
    `recogniser` names what found it, for the audit trail.
    """

    kind: Kind
    start: int
    end: int
    recogniser: str

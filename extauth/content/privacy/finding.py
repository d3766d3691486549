"""Findings: the place and kind of sensitive data, never the data itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KINDS: Final = (
    "secret",
    "card",
    "iban",
    "bank_account",
    "crypto_wallet",
    "national_id",
    "tax_id",
    "passport",
    "driving_licence",
    "email",
    "phone",
    "address",
    "birth_date",
    "ip",
    "mac",
    "person",
    "location",
)
"""The built-in kinds. The order is the priority among overlapping findings, most harmful first.

A policy's own terms are further kinds, after these.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of a text that is sensitive.

    `start` and `end` are half-open offsets in code points of the text as the client sent it.
    `recogniser` names the recogniser, for the audit trail. `confidence` is 1 where a checksum or a
    vendor's own prefix proves it, 0.9 for a fixed format, 0.7 for a format behind a cue word, 0.5
    for a pattern alone, or the score of an external detector.
    """

    kind: str
    start: int
    end: int
    recogniser: str
    confidence: float = 1.0

"""Spans that somebody else reports, held to the text that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extauth.content.privacy import Finding
from extauth.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Reported(NamedTuple):
    """A span as it was told: half-open offsets in code points, a score of 0 to 1."""

    label: str
    start: int
    end: int
    score: float


def findings(
    text: str,
    reported: Iterable[Reported],
    *,
    name: str,
    kinds: Mapping[str, str],
    least: float,
) -> tuple[Finding, ...]:
    """The spans whose label has a kind and whose score is `least` or more, by start.

    Raises BackendError for a span that is not in the text, or a score that is none: then nothing
    that it told can be relied on.
    """
    found: list[Finding] = []
    for label, start, end, score in reported:
        if not 0 <= start < end <= len(text):
            raise BackendError("it told a span that is not in the text")
        if not 0.0 <= score <= 1.0:
            raise BackendError("it told a score that is not 0 to 1")
        kind = kinds.get(label)
        if kind is not None and score >= least:
            found.append(Finding(kind, start, end, name, score))
    found.sort(key=lambda finding: (finding.start, finding.end))
    return tuple(found)

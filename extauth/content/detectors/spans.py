"""Spans that a service reports, checked against their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extauth.content.privacy import Finding
from extauth.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Reported(NamedTuple):
    """A span as reported: half-open offsets in code points, and a score of 0 to 1."""

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
    """Return the spans whose label has a kind and whose score is at least `least`, by start.

    Raises BackendError for a span outside the text, or a score outside 0 to 1: then no part of the
    answer can be trusted.
    """
    found: list[Finding] = []
    for label, start, end, score in reported:
        if not 0 <= start < end <= len(text):
            raise BackendError("it reports a span that is not in the text")
        if not 0.0 <= score <= 1.0:
            raise BackendError("it reports a score that is not 0 to 1")
        kind = kinds.get(label)
        if kind is not None and score >= least:
            found.append(Finding(kind, start, end, name, score))
    found.sort(key=lambda finding: (finding.start, finding.end))
    return tuple(found)

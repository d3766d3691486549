"""The rule for overlapping findings."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

from extauth.content.privacy.finding import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.content.privacy.finding import Finding

_PRIORITY = {kind: rank for rank, kind in enumerate(KINDS)}
_LAST = len(KINDS)


def resolve(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings by start, without overlaps.

    Of overlapping findings the longest wins; of equally long ones that with the highest confidence,
    then the earliest, then the kind that comes first in `KINDS`, then any other kind. The winner is
    widened to everything that its rivals covered, so that no finding stays partly in the clear.
    Findings that only touch do not overlap.
    """
    resolved: list[Finding] = []
    cluster: list[Finding] = []
    end = -1
    for finding in sorted(findings, key=attrgetter("start")):
        if finding.start >= end:
            if cluster:
                resolved.append(_winner(cluster, end))
            cluster = []
        cluster.append(finding)
        end = max(end, finding.end)
    if cluster:
        resolved.append(_winner(cluster, end))
    return tuple(resolved)


def _winner(cluster: list[Finding], end: int) -> Finding:
    if len(cluster) == 1:
        return cluster[0]
    best = min(cluster, key=_rank)
    return replace(best, start=cluster[0].start, end=end)


def _rank(finding: Finding) -> tuple[int, float, int, int, str]:
    return (
        finding.start - finding.end,
        -finding.confidence,
        finding.start,
        _PRIORITY.get(finding.kind, _LAST),
        finding.kind,
    )

"""The one rule for findings that overlap."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from extauth.privacy.finding import KINDS, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

_PRIORITY = {kind: rank for rank, kind in enumerate(KINDS)}


def resolve(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in order of their start, none overlapping another.

    Of findings that overlap, the longest wins; among equally long ones the earliest; among those
    the kind that comes first in `KINDS`. The winner is widened to all that its rivals covered, so
    nothing that was found stays partly in the clear. Touching is not overlapping.
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
    best = min(cluster, key=lambda f: (f.start - f.end, f.start, _PRIORITY[f.kind]))
    return Finding(best.kind, cluster[0].start, end, best.recogniser)

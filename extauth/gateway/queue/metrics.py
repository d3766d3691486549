"""Metrics of the waiting room, by priority class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from extauth.gateway.queue.room import WaitingRoom
    from extauth.observability.metrics import Metrics


def declare(room: WaitingRoom, metrics: Metrics) -> None:
    """Have every scrape show the requests that wait, and the ends of those that waited."""
    metrics.collected("sluice_waiting_requests", lambda: _families(room))


def _families(room: WaitingRoom) -> Iterator[Metric]:
    now = GaugeMetricFamily(
        "sluice_waiting_requests", "Requests that wait in line.", labels=("priority",)
    )
    longest = GaugeMetricFamily(
        "sluice_waiting_longest_seconds",
        "How long the first in line has waited.",
        labels=("priority",),
    )
    ended = CounterMetricFamily(
        "sluice_waited_requests",
        "Requests that waited in line, by how that ended.",
        labels=("priority", "end"),
    )
    for line in room.gauges():
        now.add_metric((line.priority,), line.waiting)
        longest.add_metric((line.priority,), line.longest)
        for end in ("admitted", "refused", "left"):
            ended.add_metric((line.priority, end), getattr(line, end))
    yield from (now, longest, ended)

"""Metrics of events and of their deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.observability.metrics import Metrics

    Outcome = Literal["delivered", "failed", "dropped"]


class EventMetrics:
    """Counters of events and deliveries."""

    def __init__(self, metrics: Metrics, waiting: Callable[[], int]) -> None:
        """`waiting` reads the number of deliveries that are not done yet."""
        self._events = metrics.counter(
            "sluice_limit_events",
            "Thresholds of limits that were reached, in percent.",
            *("limit", "percent"),
        )
        self._deliveries = metrics.counter(
            "sluice_webhook_deliveries",
            "Attempts to deliver an event: delivered, failed, or dropped for good.",
            *("webhook", "outcome"),
        )
        metrics.gauge(
            "sluice_webhook_waiting", "Deliveries of events that are not done yet.", waiting
        )

    def event(self, limit: str, percent: int) -> None:
        """Count a limit that reached a threshold."""
        self._events.add((limit, str(percent)))

    def serves(self, webhook: str) -> None:
        """Show the counters of a webhook from now on, at 0."""
        for outcome in ("delivered", "failed", "dropped"):
            self._deliveries.add((webhook, outcome), 0)

    def delivery(self, webhook: str, outcome: Outcome) -> None:
        """Count an attempt that ended."""
        self._deliveries.add((webhook, outcome))

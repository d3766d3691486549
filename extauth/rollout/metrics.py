"""Metrics of trials: they outlive each trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.observability.metrics import Metrics


class TrialMetrics:
    """The trial that runs, and what it has counted."""

    def __init__(self, metrics: Metrics) -> None:
        self._shadow = metrics.counter(
            "sluice_shadow_requests",
            "Requests by how a shadowing candidate differs on them, and under which rule.",
            *("difference", "rule"),
        )
        self._errors = metrics.counter(
            "sluice_trial_errors", "Requests that a candidate on trial failed on.", "mode", "error"
        )
        self._trial = metrics.info("sluice_trial", "The trial that runs.", "mode", "candidate")

    def compared(self, difference: str, rule: str) -> None:
        """Count a request that a shadow compared. `rule` is what differs, if anything does.

        A request counts once for each rule; `difference` is `dropped` for one that was not
        compared.
        """
        self._shadow.add((difference, rule))

    def failed(self, mode: str, error: str) -> None:
        """Count a request that a candidate could not decide on, which no client noticed."""
        self._errors.add((mode, error))

    def runs(self, mode: str, candidate: str | None) -> None:
        """Show the trial that runs from now on, None for none."""
        self._trial.values = (mode, candidate) if candidate else None

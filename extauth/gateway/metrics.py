"""Metrics of the requests of one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.detectors.bounded import ExternalMetrics
from extauth.observability.metrics import MICROSECONDS

if TYPE_CHECKING:
    from extauth.observability.metrics import Metrics


class RequestMetrics:
    """Counters and times of requests; `external` are those of detectors and classifiers."""

    def __init__(self, metrics: Metrics) -> None:
        self._requests = metrics.counter(
            "sluice_requests",
            "Requests that ended, by how, under which rule, by API and HTTP status.",
            *("outcome", "rule", "api", "status"),
        )
        self._tokens = metrics.counter("sluice_tokens", "Tokens used.", "model", "type")
        self._stages = metrics.histogram(
            "sluice_stage_seconds", "Time that requests spent in a stage.", "stage"
        )
        self._decisions = metrics.histogram(
            "sluice_decision_seconds", "Time that policy decisions took.", "engine", "entrypoint"
        )
        self._errors = metrics.counter(
            "sluice_decision_errors",
            "Policy questions without a usable answer; each was a deny.",
            *("engine", "entrypoint"),
        )
        self.external = ExternalMetrics(metrics)

    def request(self, outcome: str, rule: str | None, api: str, status: int) -> None:
        """Count a request that ended. `rule` is the code of its error, if it has one."""
        self._requests.add((outcome, rule or "", api, str(status)))

    def tokens(self, model: str, prompt: int, completion: int) -> None:
        """Count tokens that were used."""
        self._tokens.add((model, "prompt"), prompt)
        self._tokens.add((model, "completion"), completion)

    def stages(self, timings: dict[str, int]) -> None:
        """Observe the time of a request in each stage, in microseconds."""
        for stage, microseconds in timings.items():
            self._stages.observe((stage,), microseconds)

    def decision(self, engine: str, entrypoint: str, seconds: float, *, ok: bool) -> None:
        """Observe a question to the policy engine; not `ok` without a usable decision."""
        values = (engine, entrypoint)
        self._decisions.observe(values, int(seconds * MICROSECONDS))
        # 0 as well: a series that begins with its first error has no increase to alert on.
        self._errors.add(values, 0 if ok else 1)

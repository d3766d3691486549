"""Counting what happens, for Prometheus to scrape.

Plain dictionaries and lists: `prometheus_client`'s own counters take a lock and a label lookup
each, which the hot path would feel. They become its metric families when somebody scrapes.
Everything belongs to one event loop.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prometheus_client.metrics_core import Metric

SERIES = 1000
OTHER = "other"
MICROSECONDS = 1e6
BUCKETS = (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 10_000_000)


class Histogram:
    """How long something took, in microseconds, per label values."""

    __slots__ = ("_counts", "_sums")

    def __init__(self) -> None:
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], int] = {}

    def observe(self, labels: tuple[str, ...], microseconds: int) -> None:
        """Count one duration. Beyond `SERIES` label values, the rest is one series."""
        counts = self._counts.get(labels)
        if counts is None:
            if len(self._counts) >= SERIES:
                labels = (OTHER,) * len(labels)
            counts = self._counts.setdefault(labels, [0] * (len(BUCKETS) + 1))
            self._sums.setdefault(labels, 0)
        counts[bisect_left(BUCKETS, microseconds)] += 1
        self._sums[labels] += microseconds

    def family(self, name: str, text: str, labels: Sequence[str]) -> HistogramMetricFamily:
        """As Prometheus has it: seconds, and buckets that include the smaller ones."""
        family = HistogramMetricFamily(name, text, labels=labels)
        bounds = [*(str(bound / MICROSECONDS) for bound in BUCKETS), "+Inf"]
        for values, counts in self._counts.items():
            buckets = list(zip(bounds, map(float, accumulate(counts)), strict=True))
            family.add_metric(values, buckets, self._sums[values] / MICROSECONDS)
        return family


class Counter:
    """How often something happened, per label values; bounded like `Histogram`."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, labels: tuple[str, ...], amount: int = 1) -> None:
        """Count."""
        try:
            self._counts[labels] += amount
        except KeyError:
            if len(self._counts) >= SERIES:
                labels = (OTHER,) * len(labels)
            self._counts[labels] = self._counts.get(labels, 0) + amount

    def family(self, name: str, text: str, labels: Sequence[str]) -> CounterMetricFamily:
        """As Prometheus has it."""
        family = CounterMetricFamily(name, text, labels=labels)
        for values, count in self._counts.items():
            family.add_metric(values, count)
        return family


class Waiting(Protocol):
    """A priority class of those who wait in line, and how many ended their wait in which way."""

    @property
    def priority(self) -> str: ...
    @property
    def waiting(self) -> int: ...
    @property
    def longest(self) -> float: ...
    @property
    def admitted(self) -> int: ...
    @property
    def refused(self) -> int: ...
    @property
    def left(self) -> int: ...


class Metrics(Collector):
    """All of one process's metrics. None of them names a principal or a key.

    `shared` are the names of those that every worker would tell alike.
    """

    def __init__(self) -> None:
        self.shared: set[str] = set()
        self._requests = Counter()
        self._tokens = Counter()
        self._errors = Counter()
        self._stages = Histogram()
        self._decisions = Histogram()
        self._gauges: list[tuple[str, str, Callable[[], float]]] = []
        self._totals: list[tuple[str, str, Callable[[], float]]] = []
        self._snapshot: dict[str, str] = {}
        self._shadow = Counter()
        self._trial_errors = Counter()
        self._trial: dict[str, str] = {}
        self._limit_events = Counter()
        self._webhooks = Counter()
        self._external = Counter()
        self._external_seconds = Histogram()
        self._lines: Callable[[], Iterable[Waiting]] = tuple

    def request(self, outcome: str, rule: str | None, api: str, status: int) -> None:
        """A request ended. `rule` is the machine-readable name of the error, if there was one."""
        self._requests.add((outcome, rule or "", api, str(status)))

    def tokens(self, model: str, prompt: int, completion: int) -> None:
        """Tokens were used."""
        self._tokens.add((model, "prompt"), prompt)
        self._tokens.add((model, "completion"), completion)

    def stages(self, timings: dict[str, int]) -> None:
        """The time that a request spent in each stage, in microseconds."""
        for stage, microseconds in timings.items():
            self._stages.observe((stage,), microseconds)

    def decision(self, engine: str, entrypoint: str, seconds: float, *, ok: bool) -> None:
        """The policy engine was asked; not `ok` if there was no usable decision."""
        self._decisions.observe((engine, entrypoint), int(seconds * MICROSECONDS))
        if not ok:
            self._errors.add((engine, entrypoint))

    def snapshot(self, digest: str, engine: str) -> None:
        """Another snapshot is served from now on."""
        self._snapshot = {"digest": digest, "engine": engine}

    def compared(self, difference: str, rule: str) -> None:
        """A shadow has compared a request. `rule` is what differs, if anything does.

        A request counts once for each rule; `difference` is `dropped` for one that was not
        compared.
        """
        self._shadow.add((difference, rule))

    def trial_error(self, mode: str, error: str) -> None:
        """A candidate could not decide, which no client noticed."""
        self._trial_errors.add((mode, error))

    def limit_event(self, limit: str, percent: int) -> None:
        """A limit reached a threshold."""
        self._limit_events.add((limit, str(percent)))

    def webhook(self, webhook: str, outcome: str) -> None:
        """An attempt to deliver an event ended: it was delivered, failed or dropped for good."""
        self._webhooks.add((webhook, outcome))

    def external(self, service: str, outcome: str, seconds: float) -> None:
        """An external detector or classifier was asked, or was not because it is down."""
        self._external.add((service, outcome))
        if seconds:
            self._external_seconds.observe((service,), int(seconds * MICROSECONDS))

    def trial(self, mode: str, candidate: str | None) -> None:
        """This trial runs from now on, or none."""
        self._trial = {"mode": mode, "candidate": candidate} if candidate else {}

    def lines(self, read: Callable[[], Iterable[Waiting]]) -> None:
        """Show who waits in line, by priority class, as it is at every scrape."""
        self._lines = read

    def watch(
        self, name: str, text: str, read: Callable[[], float], *, shared: bool = False
    ) -> None:
        """Show a value that is read at every scrape, such as the reservations now held.

        One that is `shared` is the same for every worker and shown once.
        """
        self._gauges.append((name, text, read))
        if shared:
            self.shared.add(name)

    def watch_total(
        self, name: str, text: str, read: Callable[[], float], *, shared: bool = False
    ) -> None:
        """The same for a value that only ever rises."""
        self._totals.append((name, text, read))
        if shared:
            self.shared.add(name)

    def collect(self) -> Iterator[Metric]:
        """What a scrape sees; called by prometheus_client."""
        yield self._requests.family(
            "sluice_requests",
            "Requests that ended, by how, under which rule, by API and HTTP status.",
            ("outcome", "rule", "api", "status"),
        )
        yield self._tokens.family("sluice_tokens", "Tokens used.", ("model", "type"))
        yield self._stages.family(
            "sluice_stage_seconds", "Time that requests spent in a stage.", ("stage",)
        )
        yield self._decisions.family(
            "sluice_decision_seconds",
            "Time that policy decisions took.",
            ("engine", "entrypoint"),
        )
        yield self._errors.family(
            "sluice_decision_errors",
            "Policy questions without a usable answer; each was a deny.",
            ("engine", "entrypoint"),
        )
        yield self._shadow.family(
            "sluice_shadow_requests",
            "Requests by how a shadowing candidate differs on them, and under which rule.",
            ("difference", "rule"),
        )
        yield self._trial_errors.family(
            "sluice_trial_errors",
            "Requests that a candidate on trial failed on.",
            ("mode", "error"),
        )
        yield self._limit_events.family(
            "sluice_limit_events",
            "Thresholds of limits that were reached, in percent.",
            ("limit", "percent"),
        )
        yield self._webhooks.family(
            "sluice_webhook_deliveries",
            "Attempts to deliver an event: delivered, failed, or dropped for good.",
            ("webhook", "outcome"),
        )
        yield self._external.family(
            "sluice_external_requests",
            "Questions to external detectors and classifiers: answered, timeout, unavailable, "
            "malformed, abandoned; too_large and skipped were not asked.",
            ("service", "outcome"),
        )
        yield self._external_seconds.family(
            "sluice_external_seconds",
            "Time that external detectors and classifiers took.",
            ("service",),
        )
        yield from self._waiting()
        for name, text, read in self._gauges:
            yield GaugeMetricFamily(name, text, value=read())
        for name, text, read in self._totals:
            yield CounterMetricFamily(name, text, value=read())
        if self._snapshot:
            yield InfoMetricFamily("sluice_snapshot", "The snapshot served.", self._snapshot)
        if self._trial:
            yield InfoMetricFamily("sluice_trial", "The trial that runs.", self._trial)

    def _waiting(self) -> Iterator[Metric]:
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
        for line in self._lines():
            now.add_metric((line.priority,), line.waiting)
            longest.add_metric((line.priority,), line.longest)
            for end in ("admitted", "refused", "left"):
                ended.add_metric((line.priority, end), getattr(line, end))
        yield from (now, longest, ended)

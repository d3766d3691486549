"""The registry of metrics, for Prometheus to scrape. Each room declares its own.

Plain dictionaries and lists: `prometheus_client`'s own counters take a lock and a label lookup
each, which the hot path would feel. They become its metric families at a scrape. Everything
belongs to one event loop.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    Labels = tuple[str, ...]

SERIES = 1000
"""Label values of a metric; those beyond are one series together."""

OTHER = "other"
MICROSECONDS = 1e6
BUCKETS = (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000, 10_000_000)


class HistogramMetric:
    """Durations in microseconds, by label values."""

    __slots__ = ("_series", "labels", "name", "text")

    def __init__(self, name: str, text: str, labels: Labels) -> None:
        self.name = name
        self.text = text
        self.labels = labels
        # The counts of each bucket, then the sum.
        self._series: dict[Labels, list[int]] = {}

    def observe(self, values: Labels, microseconds: int) -> None:
        """Count a duration."""
        try:
            series = self._series[values]
        except KeyError:
            series = self._begin(values)
        series[bisect_left(BUCKETS, microseconds)] += 1
        series[-1] += microseconds

    def families(self) -> Iterator[Metric]:
        """Yield the family in Prometheus' terms: seconds, and cumulative buckets."""
        family = HistogramMetricFamily(self.name, self.text, labels=self.labels)
        bounds = [*(str(bound / MICROSECONDS) for bound in BUCKETS), "+Inf"]
        for values, (*counts, total) in self._series.items():
            buckets = list(zip(bounds, map(float, accumulate(counts)), strict=True))
            family.add_metric(values, buckets, total / MICROSECONDS)
        yield family

    def _begin(self, values: Labels) -> list[int]:
        if len(self._series) >= SERIES:
            values = (OTHER,) * len(values)
        return self._series.setdefault(values, [0] * (len(BUCKETS) + 2))


class CounterMetric:
    """A count that only rises, by label values. Without labels it begins as a series at 0."""

    __slots__ = ("_counts", "labels", "name", "text")

    def __init__(self, name: str, text: str, labels: Labels) -> None:
        self.name = name
        self.text = text
        self.labels = labels
        self._counts: dict[Labels, int] = {} if labels else {(): 0}

    def add(self, values: Labels, amount: int = 1) -> None:
        """Add `amount`; 0 makes the series visible before anything is counted."""
        try:
            self._counts[values] += amount
        except KeyError:
            if len(self._counts) >= SERIES:
                values = (OTHER,) * len(values)
            self._counts[values] = self._counts.get(values, 0) + amount

    def families(self) -> Iterator[Metric]:
        """Yield the family in Prometheus' terms."""
        family = CounterMetricFamily(self.name, self.text, labels=self.labels)
        for values, count in self._counts.items():
            family.add_metric(values, count)
        yield family


class InfoMetric:
    """Texts that describe a state, or no state."""

    __slots__ = ("labels", "name", "text", "values")

    def __init__(self, name: str, text: str, labels: Labels) -> None:
        self.name = name
        self.text = text
        self.labels = labels
        self.values: Labels | None = None

    def families(self) -> Iterator[Metric]:
        """Yield the family in Prometheus' terms, if there is a state."""
        if self.values is not None:
            told = dict(zip(self.labels, self.values, strict=True))
            yield InfoMetricFamily(self.name, self.text, told)


K = TypeVar("K", HistogramMetric, CounterMetric, InfoMetric)


class Metrics(Collector):
    """All metrics of one process. None of them names a principal or a key.

    Names are Prometheus' without a suffix: a counter gets its `_total`, an info its `_info`.
    `shared` are the names of those that every worker has alike.
    """

    def __init__(self) -> None:
        self.shared: set[str] = set()
        self._declared: dict[str, HistogramMetric | CounterMetric | InfoMetric] = {}
        self._collectors: dict[str, Callable[[], Iterable[Metric]]] = {}

    def counter(self, name: str, text: str, *labels: str) -> CounterMetric:
        """Declare a counter. The same declaration twice is the same counter."""
        return self._declare(CounterMetric(name, text, labels))

    def histogram(self, name: str, text: str, *labels: str) -> HistogramMetric:
        """Declare a histogram of durations. The same declaration twice is the same histogram."""
        return self._declare(HistogramMetric(name, text, labels))

    def info(self, name: str, text: str, *labels: str) -> InfoMetric:
        """Declare an info without a state. The same declaration twice is the same info."""
        return self._declare(InfoMetric(name, text, labels))

    def gauge(
        self, name: str, text: str, read: Callable[[], float], *, shared: bool = False
    ) -> None:
        """Declare a value that is read at every scrape, such as the reservations now held.

        A `shared` one is the same for every worker and shown once.
        """
        self.collected(name, lambda: (GaugeMetricFamily(name, text, value=read()),))
        if shared:
            self.shared.add(name)

    def total(
        self, name: str, text: str, read: Callable[[], float], *, shared: bool = False
    ) -> None:
        """Declare a value that is read at every scrape, and only ever rises."""
        self.collected(name, lambda: (CounterMetricFamily(name, text, value=read()),))
        if shared:
            self.shared.add(name)

    def collected(self, name: str, collect: Callable[[], Iterable[Metric]]) -> None:
        """Declare families that `collect` makes at every scrape, all of them under `name`."""
        if name in self._collectors:
            raise ValueError(f"the metric {name} is declared twice")
        self._collectors[name] = collect

    def collect(self) -> Iterator[Metric]:
        """Yield the families of a scrape; called by prometheus_client."""
        for collect in self._collectors.values():
            yield from collect()

    def _declare(self, made: K) -> K:
        known = self._declared.setdefault(made.name, made)
        if known is made:
            self.collected(made.name, made.families)
        if type(known) is not type(made) or known.labels != made.labels:
            raise ValueError(f"the metric {made.name} is declared twice, and differently")
        return known

"""The metrics of several workers as those of one gateway.

Counters and histograms are added up. A gauge is shown for each worker, labelled `worker`, and one
that all of them share is shown once. What a worker counted is gone when it dies: the sums fall
then, which Prometheus takes for a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from extauth.observability.metrics import Metrics

    Labels = tuple[tuple[str, str], ...]

WORKER = "worker"
REQUESTS = "sluice_requests"
SUMMED = frozenset({"counter", "histogram"})


class MetricSample(msgspec.Struct, frozen=True, array_like=True):
    """A line of a scrape."""

    name: str
    labels: dict[str, str]
    value: float


class MetricFamily(msgspec.Struct, frozen=True, array_like=True):
    """A metric as one worker has it; `kind` is Prometheus' word for its type."""

    name: str
    text: str
    kind: str
    samples: tuple[MetricSample, ...]
    shared: bool


def families(metrics: Metrics) -> tuple[MetricFamily, ...]:
    """Return the metrics of a worker."""
    return tuple(
        MetricFamily(
            name=metric.name,
            text=metric.documentation,
            kind=metric.type,
            samples=tuple(MetricSample(one.name, one.labels, one.value) for one in metric.samples),
            shared=metric.name in metrics.shared,
        )
        for metric in metrics.collect()
    )


class Merged(Collector):
    """The metrics of all workers; `None` stands for one that did not answer."""

    def __init__(self, workers: Mapping[int, Iterable[MetricFamily] | None]) -> None:
        self._workers = workers

    def collect(self) -> Iterator[Metric]:
        """Yield the families of a scrape; called by prometheus_client."""
        merged: dict[str, _Merging] = {}
        answered = GaugeMetricFamily(
            "sluice_worker_up", "Whether a worker answers.", labels=(WORKER,)
        )
        ended = CounterMetricFamily(
            "sluice_worker_requests", "Requests that ended in a worker.", labels=(WORKER,)
        )
        for worker, told in sorted(self._workers.items()):
            answered.add_metric((str(worker),), told is not None)
            for family in told or ():
                merged.setdefault(family.name, _Merging(family)).add(family, worker)
                if family.name == REQUESTS:
                    ended.add_metric((str(worker),), sum(one.value for one in family.samples))
        yield answered
        yield ended
        for merging in merged.values():
            yield merging.metric()


class _Merging:
    """A metric of all workers, its samples in the order of their first appearance."""

    def __init__(self, family: MetricFamily) -> None:
        self._family = family
        self._samples: dict[tuple[str, Labels], float] = {}

    def add(self, family: MetricFamily, worker: int) -> None:
        summed = family.kind in SUMMED and not family.shared
        # An info says the same of every worker that is in the same state.
        apart = family.kind == "gauge" and not family.shared
        for sample in family.samples:
            labels = {**sample.labels, WORKER: str(worker)} if apart else sample.labels
            line = (sample.name, tuple(labels.items()))
            if summed:
                self._samples[line] = self._samples.get(line, 0.0) + sample.value
            else:
                self._samples.setdefault(line, sample.value)

    def metric(self) -> Metric:
        metric = Metric(self._family.name, self._family.text, self._family.kind)
        for (name, labels), value in self._samples.items():
            metric.add_sample(name, dict(labels), value)
        return metric

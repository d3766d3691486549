"""One model server's readings over the last seconds, and what they come to."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.facts.load.sample import LoadSample

WINDOW = 10.0
"""Seconds over which waiting is averaged. Answers of a language model take seconds each, so that
between two readings there is often none to learn from."""


class Reading(NamedTuple):
    """How busy a model was at `time`, by a monotonic clock. See `LoadFacts`."""

    time: float
    pending: int
    queue_ms: float | None
    gpu: float | None


class BackendLoad:
    """What a model server told of itself in the last `WINDOW` seconds. Not thread-safe."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: deque[tuple[float, LoadSample]] = deque()

    def add(self, sample: LoadSample, now: float) -> Mapping[str, Reading]:
        """Take a sample, later than the last; the reading of every model that it speaks of."""
        samples = self._samples
        while samples and samples[0][0] < now - WINDOW:
            samples.popleft()
        if samples and _restarted(samples[-1][1], sample):
            samples.clear()
        samples.append((now, sample))
        waited = _waited(samples[0][1], sample)
        return {
            model: Reading(now, pending, waited.get(model), sample.gpu)
            for model, pending in sample.pending.items()
        }


def _restarted(before: LoadSample, after: LoadSample) -> bool:
    """Whether the server counts from zero again: what only rises has fallen."""
    return any(
        after.totals[key].requests < totals.requests or after.totals[key].queue_us < totals.queue_us
        for key, totals in before.totals.items()
        if key in after.totals
    )


def _waited(before: LoadSample, after: LoadSample) -> dict[str, float]:
    """By model, the mean milliseconds in the queue of the requests answered in between."""
    sums: dict[str, tuple[float, float]] = {}
    for key, totals in after.totals.items():
        # A version that was loaded in between began at zero; one unloaded since counts no more.
        earlier = before.totals.get(key, (0.0, 0.0))
        queue, requests = sums.get(key[0], (0.0, 0.0))
        sums[key[0]] = queue + totals.queue_us - earlier[0], requests + totals.requests - earlier[1]
    return {
        model: round(queue / requests / 1000, 3)
        for model, (queue, requests) in sums.items()
        if requests
    }

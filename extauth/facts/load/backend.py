"""A model server's samples of the last seconds, and the load computed from them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.facts.load.sample import LoadSample

WINDOW = 10.0
"""Seconds over which the queueing time is averaged. A language model's answers take seconds each,
so two successive samples often have no finished request between them.
"""


class Reading(NamedTuple):
    """A model's load at `time`, in seconds of a monotonic clock. Fields as in `LoadFacts`."""

    time: float
    pending: int
    queue_ms: float | None
    gpu: float | None


class BackendLoad:
    """A model server's samples of the last `WINDOW` seconds. Not thread-safe."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: deque[tuple[float, LoadSample]] = deque()

    def add(self, sample: LoadSample, now: float) -> Mapping[str, Reading]:
        """Add a sample, later than the one before; return the reading of every model in it."""
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
    """Return whether the server's counters started again from zero between two samples."""
    return any(
        after.totals[key].requests < totals.requests or after.totals[key].queue_us < totals.queue_us
        for key, totals in before.totals.items()
        if key in after.totals
    )


def _waited(before: LoadSample, after: LoadSample) -> dict[str, float]:
    """Return by model the mean milliseconds in the queue of the requests answered in between."""
    sums: dict[str, tuple[float, float]] = {}
    for key, totals in after.totals.items():
        # A version loaded in between began at zero; a version unloaded since is left out.
        earlier = before.totals.get(key, (0.0, 0.0))
        queue, requests = sums.get(key[0], (0.0, 0.0))
        sums[key[0]] = queue + totals.queue_us - earlier[0], requests + totals.requests - earlier[1]
    return {
        model: round(queue / requests / 1000, 3)
        for model, (queue, requests) in sums.items()
        if requests
    }

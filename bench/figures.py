"""Rounds of samples to figures: medians, ratios, targets.

A ratio is the median of each round's own ratio: what a noisy machine does to one round, it does to
both of its sides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.load import Sample

ONE, MANY = 1, 16
CONNECTIONS = (ONE, MANY)
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident bytes of the service: when it had started, and after so many requests of a run."""

    idle: int
    run: tuple[tuple[int, int], ...]

    @property
    def peak(self) -> int:
        """The most that was seen."""
        return max(self.idle, *(size for _, size in self.run))

    @property
    def growth(self) -> float:
        """By what fraction it grew over the run."""
        return self.run[-1][1] / self.run[0][1] - 1


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was measured. `samples` are by contender and connections, one a round.

    `stages` holds mean seconds, by contender, connections and stage. `failures` says why a
    contender has no figures.
    """

    titles: dict[str, str] = field(default_factory=dict)
    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=dict)
    stages: dict[tuple[str, int], list[dict[str, float]]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    memory: Memory | None = None

    def value(self, name: str, connections: int, read: Callable[[Sample], float]) -> float:
        """The median over the rounds."""
        return median(read(sample) for sample in self.samples[name, connections])

    def cpu(self, name: str, connections: int) -> dict[str, float]:
        """Median seconds of CPU a request, by process."""
        samples = self.samples[name, connections]
        return {process: median(one.cpu[process] for one in samples) for process in samples[0].cpu}

    def stage_means(self, name: str, connections: int) -> dict[str, float]:
        """Median over the rounds of the mean seconds, by stage."""
        rounds = self.stages.get((name, connections), [])
        names = dict.fromkeys(stage for one in rounds for stage in one)
        return {stage: median(one.get(stage, 0.0) for one in rounds) for stage in names}

    def ratio(self, name: str, other: str, connections: int) -> float | None:
        """How many times as many requests a second as `other`; None if one was not measured."""
        return self._paired(
            lambda one, two: one.rate / two.rate, (name, connections), (other, connections)
        )

    def added_latency(self) -> float | None:
        """How many times what the floor adds to Envoy's median Sluice adds, one connection."""
        return self._paired(
            lambda sluice, floor, envoy: (sluice.p50 - envoy.p50) / (floor.p50 - envoy.p50),
            *((name, ONE) for name in ("sluice", "floor", "envoy")),
        )

    def _paired(self, compute: Callable[..., float], *cells: tuple[str, int]) -> float | None:
        rows = [self.samples.get(cell, []) for cell in cells]
        values = [compute(*row) for row in zip(*rows, strict=False)]
        return median(values) if values else None


@dataclass(frozen=True, slots=True)
class Target:
    """One promise, and what was measured; None where that failed."""

    what: str
    bound: str
    measured: float | None
    met: bool


def targets(measured: Measured) -> Sequence[Target]:
    """The promises of docs/performance.md."""
    peak = measured.memory.peak / MEGABYTE if measured.memory else None
    growth = max(0.0, 100 * measured.memory.growth) if measured.memory else None

    def at_least(what: str, bound: float, value: float | None) -> Target:
        met = value is not None and value >= bound
        return Target(what, f"at least {bound:g}", value, met)

    def at_most(what: str, bound: float, value: float | None) -> Target:
        return Target(what, f"at most {bound:g}", value, value is not None and value <= bound)

    return (
        at_least("throughput, of the no-op floor's", 0.55, measured.ratio("sluice", "floor", MANY)),
        at_most("latency added to Envoy alone, of the floor's", 1.7, measured.added_latency()),
        at_least("throughput, of LiteLLM's", 15, measured.ratio("sluice", "litellm", MANY)),
        at_most("resident memory of the service, MB", 200, peak),
        at_most("growth over 100,000 requests, %", 5, growth),
    )

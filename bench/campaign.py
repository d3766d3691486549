"""The measurements themselves: every contender in turn, round after round, then the long run."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.errors import MeasurementFailed
from bench.figures import CONNECTIONS, MANY, Measured, Memory
from bench.floor import floor
from bench.litellm import litellm
from bench.load import Load
from bench.processes import resident_bytes
from bench.sluice import sluice
from bench.upstream import alone, upstream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.contender import Contender
    from bench.sluice import Sluice


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure, in seconds. The long run is of `requests`, in parts of `part`."""

    rounds: int
    seconds: int
    warm_up: int
    requests: int
    part: int


FULL = Plan(rounds=3, seconds=5, warm_up=1, requests=100_000, part=10)
QUICK = Plan(rounds=1, seconds=2, warm_up=1, requests=5_000, part=2)


class Campaign:
    """One run of all measurements on one machine. `tell` is given what goes on, line by line."""

    def __init__(self, plan: Plan, workdir: Path, tell: Callable[[str], None]) -> None:
        self._plan = plan
        self._workdir = workdir
        self._tell = tell
        self._load = Load(workdir)
        self._measured = Measured()

    def run(self) -> Measured:
        """Start everything, measure, stop everything.

        What fails is left out of the figures and named. Raises MeasurementFailed when nothing
        can be measured at all.
        """
        with ExitStack() as stack:
            served = stack.enter_context(upstream(self._workdir))
            contenders = [stack.enter_context(alone(self._workdir, served))]
            contenders += stack.enter_context(floor(self._workdir, served))
            gateway: Sluice | None = None
            try:
                gateway = stack.enter_context(sluice(self._workdir, served))
                contenders += gateway.contenders
            except MeasurementFailed as error:
                self._fail("sluice", error)
            try:
                contenders.append(stack.enter_context(litellm(self._workdir, served)))
            except MeasurementFailed as error:
                self._fail("litellm", error)
            idle = resident_bytes(gateway.service) if gateway else 0
            self._measured.titles.update({one.name: one.title for one in contenders})
            for number in range(self._plan.rounds):
                for connections in CONNECTIONS:
                    for one in contenders:
                        self._measure(one, connections, gateway, first=number == 0)
            if gateway and gateway.plain.name not in self._measured.failures:
                return replace(self._measured, memory=self._long_run(gateway, idle))
        return self._measured

    def _measure(
        self, contender: Contender, connections: int, gateway: Sluice | None, *, first: bool
    ) -> None:
        if contender.name in self._measured.failures:
            return
        ours = gateway if gateway and contender in gateway.contenders else None
        cell = contender.name, connections
        try:
            if first:
                self._load.run(contender, connections, self._plan.warm_up)
            before = ours.stages() if ours else None
            sample = self._load.run(contender, connections, self._plan.seconds)
            if ours and before:
                self._measured.stages.setdefault(cell, []).append(ours.stages().since(before))
        except MeasurementFailed as error:
            self._fail(contender.name, error, ours)
            return
        self._measured.samples.setdefault(cell, []).append(sample)
        self._tell(
            f"{contender.title}, {connections}: {sample.rate:,.0f} requests/s, "
            f"p50 {sample.p50 * 1e3:.2f} ms, p99 {sample.p99 * 1e3:.2f} ms"
        )

    def _long_run(self, gateway: Sluice, idle: int) -> Memory | None:
        done = 0
        run = [(0, resident_bytes(gateway.service))]
        try:
            while done < self._plan.requests:
                done += self._load.run(gateway.plain, MANY, self._plan.part).requests
                run.append((done, resident_bytes(gateway.service)))
                self._tell(f"after {done:,} requests: {run[-1][1] / 1e6:.1f} MB")
        except MeasurementFailed as error:
            self._fail("long run", error, gateway)
            return None
        return Memory(idle, tuple(run))

    def _fail(self, name: str, error: MeasurementFailed, gateway: Sluice | None = None) -> None:
        # Figures of rounds before are no figures of a contender that failed later.
        for connections in CONNECTIONS:
            self._measured.samples.pop((name, connections), None)
            self._measured.stages.pop((name, connections), None)
        warning = gateway.warning() if gateway else ""
        reason = f"{error}; its log: {warning}" if warning else str(error)
        self._measured.failures[name] = reason
        self._tell(reason)

"""The load generator: wrk, in a closed loop, posting one body over and over."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from bench.envoy import BENCH
from bench.errors import MeasurementFailed, WrkMissing
from bench.processes import cpu_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from bench.contender import Contender


class _Result(msgspec.Struct):
    """What `post.lua` prints. Latencies are in microseconds."""

    requests: int
    microseconds: int
    p50: int
    p99: int
    refused: int
    broken: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One run. Latencies are in seconds; `cpu` is seconds a request, by process."""

    requests: int
    seconds: float
    p50: float
    p99: float
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


class Load:
    """Runs wrk. Raises WrkMissing when it is not installed."""

    def __init__(self, workdir: Path) -> None:
        wrk = shutil.which("wrk")
        if wrk is None:
            raise WrkMissing("make bench needs wrk: apt-get install wrk")
        self._wrk = wrk
        self._body = workdir / "body.json"

    def run(self, contender: Contender, connections: int, seconds: int) -> Sample:
        """Press for `seconds`. Raises MeasurementFailed unless every answer was a good one."""
        self._body.write_bytes(contender.body)
        before = {name: cpu_seconds(pid) for name, pid in contender.processes.items()}
        own = _children_seconds()
        result = self._press(contender, connections, seconds)
        used = {name: cpu_seconds(pid) - before[name] for name, pid in contender.processes.items()}
        used["wrk"] = _children_seconds() - own
        if result.refused or result.broken or not result.requests:
            raise MeasurementFailed(
                f"{contender.title}: of {result.requests} requests {result.refused} were refused "
                f"and {result.broken} broken"
            )
        return Sample(
            requests=result.requests,
            seconds=result.microseconds / 1e6,
            p50=result.p50 / 1e6,
            p99=result.p99 / 1e6,
            cpu={name: seconds / result.requests for name, seconds in used.items()},
        )

    def _press(self, contender: Contender, connections: int, seconds: int) -> _Result:
        done = subprocess.run(
            [
                *(self._wrk, "--threads", "1", "--connections", str(connections)),
                *("--duration", f"{seconds}s", "--timeout", "10s"),
                *("--script", str(BENCH / "post.lua"), contender.url),
            ],
            # The key stays out of the list of processes.
            env={
                **os.environ,
                "BENCH_BODY": str(self._body),
                "BENCH_AUTHORIZATION": f"Bearer {contender.key}",
            },
            capture_output=True,
            check=False,
        )
        lines = done.stdout.splitlines()
        if done.returncode or not lines:
            raise MeasurementFailed(f"wrk failed: {done.stderr.decode(errors='replace')[:300]}")
        return msgspec.json.decode(lines[-1], type=_Result)


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

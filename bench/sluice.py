"""Sluice as `sluice up` starts it, everything on, in front of the trivial upstream."""

from __future__ import annotations

import http.client
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from bench import prompts
from bench.contender import Contender
from bench.errors import MeasurementFailed
from bench.stack import configuration, stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Stages:
    """Time spent so far: seconds and requests, by stage."""

    sums: dict[str, float]
    counts: dict[str, float]

    def since(self, before: Stages) -> dict[str, float]:
        """Mean seconds of each stage between two readings."""
        return {
            stage: (self.sums[stage] - before.sums.get(stage, 0)) / count
            for stage in self.sums
            if (count := self.counts[stage] - before.counts.get(stage, 0))
        }


@dataclass(frozen=True, slots=True)
class Sluice:
    """A running stack. `service` is the id of the Python process."""

    plain: Contender
    masked: Contender
    streaming: Contender
    service: int
    admin_port: int
    admin_token: Path
    log: Path

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """Each way of asking it."""
        return self.plain, self.masked, self.streaming

    def warning(self) -> str:
        """The last thing that the service complained of; empty if nothing."""
        lines = self.log.read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if " WARNING " in line), "")

    def stages(self) -> Stages:
        """What the service itself measured so far. Raises MeasurementFailed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=10)
        token = self.admin_token.read_text().strip()
        try:
            connection.request("GET", "/metrics", headers={"authorization": f"Bearer {token}"})
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise MeasurementFailed(f"the admin endpoint does not answer: {error}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise MeasurementFailed(f"the admin endpoint answers {response.status}")
        sums, counts = {}, {}
        for family in text_string_to_metric_families(text):
            if family.name != "sluice_stage_seconds":
                continue
            for sample in family.samples:
                if sample.name.endswith("_sum"):
                    sums[sample.labels["stage"]] = sample.value
                elif sample.name.endswith("_count"):
                    counts[sample.labels["stage"]] = sample.value
        return Stages(sums, counts)


@contextmanager
def sluice(workdir: Path, upstream: Upstream) -> Iterator[Sluice]:
    """Run it. Raises MeasurementFailed when it does not start, or does not mask."""
    with stack(workdir, configuration(upstream.port)) as started:
        processes = {
            "envoy": started.processes["envoy"],
            "service": started.processes["service"],
            "upstream": upstream.pid,
        }

        def contender(name: str, title: str, body: bytes, expects: bytes) -> Contender:
            key = started.keys[0].key
            return Contender(name, title, started.port, body, expects, processes, key=key)

        state = workdir / "state"
        running = Sluice(
            plain=contender("sluice", "Sluice", prompts.chat(), b'"chat.completion"'),
            masked=contender(
                "sluice-masked",
                "Sluice, masking",
                prompts.chat(sensitive=True),
                b'"chat.completion"',
            ),
            streaming=contender(
                "sluice-streaming", "Sluice, streaming", prompts.chat(stream=True), b"data: [DONE]"
            ),
            service=processes["service"],
            admin_port=started.admin_port,
            admin_token=state / "admin.token",
            log=state / "logs" / "service.log",
        )
        for one in running.contenders:
            one.wait(20)
        _check_masking(running)
        yield running


def _check_masking(running: Sluice) -> None:
    """The model must be given what is harmless, and nothing that is sensitive."""
    if b"found" not in running.masked.ask(x_bench_find="bought a coffee machine"):
        raise MeasurementFailed("the model is not given the prompt")
    for original in prompts.ORIGINALS:
        if b"absent" not in running.masked.ask(x_bench_find=original):
            raise MeasurementFailed("Sluice does not mask")

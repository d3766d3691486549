"""The trivial upstream, the same for every contender."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import prompts
from bench.contender import Contender
from bench.envoy import BENCH, envoy
from bench.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Upstream:
    """Answers at once, as OpenAI does and as Triton does, from one Envoy worker."""

    port: int
    pid: int


@contextmanager
def upstream(workdir: Path) -> Iterator[Upstream]:
    """Run it. Raises MeasurementFailed when it does not answer."""
    port = free_port()
    with envoy("upstream", workdir, "--concurrency", "1", port=port, bench=BENCH) as pid:
        Contender(
            name="upstream",
            title="the upstream",
            port=port,
            body=prompts.chat(),
            expects=b"chat.completion",
            processes={},
        ).wait(20)
        yield Upstream(port, pid)


@contextmanager
def alone(workdir: Path, upstream: Upstream) -> Iterator[Contender]:
    """Envoy alone in front of it."""
    port = free_port()
    with envoy("alone", workdir, port=port, upstream=upstream.port) as pid:
        contender = Contender(
            name="envoy",
            title="Envoy alone",
            port=port,
            body=prompts.chat(),
            expects=b"chat.completion",
            processes={"envoy": pid, "upstream": upstream.pid},
        )
        contender.wait(20)
        yield contender

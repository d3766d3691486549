"""The floor: Envoy with an ext_proc service that only answers, plain and streaming."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import prompts
from bench.contender import Contender
from bench.envoy import envoy
from bench.processes import free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.upstream import Upstream


@contextmanager
def floor(workdir: Path, upstream: Upstream) -> Iterator[tuple[Contender, ...]]:
    """Run it. Raises MeasurementFailed when it does not answer."""
    port = free_port()
    sockets = workdir / "floor.sock", workdir / "streaming.sock"
    server = [sys.executable, "-m", "bench.noop", *map(str, sockets)]
    with (
        running(server, workdir / "noop.log") as service,
        envoy(
            "floor",
            workdir,
            port=port,
            upstream=upstream.port,
            service=sockets[0],
            streaming=sockets[1],
        ) as proxy,
    ):
        processes = {"envoy": proxy, "service": service, "upstream": upstream.pid}
        contenders = (
            Contender(
                name="floor",
                title="no-op floor",
                port=port,
                body=prompts.chat(),
                expects=b"text_output",
                processes=processes,
            ),
            Contender(
                name="floor-streaming",
                title="no-op floor, streaming",
                port=port,
                path="/v1/streaming",
                body=prompts.chat(stream=True),
                expects=b"data: ",
                processes=processes,
            ),
        )
        for one in contenders:
            one.wait(20)
        yield contenders

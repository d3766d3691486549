"""Calls to a service are bounded in time and size, and not made while it is down."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from extauth.content.detectors.bounded import Bounded, ExternalMetrics
from extauth.content.detectors.breaker import FAILURES, REST, Breaker
from extauth.content.detectors.triton_tokens import TritonDetector
from extauth.observability.metrics import Metrics
from tests.content.detectors.conftest import spans, token_model

if TYPE_CHECKING:
    from extauth.content.detectors.connections import Connections
    from tests.content.detectors.conftest import Server

TEXT = "Ask Jane"
NOBODY = "http://127.0.0.1:1"


class Clock:
    """Stands still until a test moves it."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Asked:
    """A detector behind its bounds, and the outcomes of its calls."""

    def __init__(self, url: str, connections: Connections, **fields: Any) -> None:
        self.clock, self.metrics = Clock(), Metrics()
        self.counting = ExternalMetrics(self.metrics)
        settings = token_model(url, **fields)
        detector = TritonDetector("names", settings, connections)
        self.bounded = Bounded("names", settings, detector.detect, Breaker(self.clock))

    async def ask(self, text: str = TEXT) -> Any:
        """Return the detector's answer about a text."""
        return await self.bounded.ask([text], len(text), self.counting)

    @property
    def counted(self) -> dict[str, float]:
        """Return the number of calls by outcome."""
        registry = CollectorRegistry()
        registry.register(self.metrics)
        (family,) = [one for one in registry.collect() if one.name == "sluice_external_requests"]
        return {sample.labels["outcome"]: sample.value for sample in family.samples}


async def test_who_answers_is_not_absent(server: Server, connections: Connections) -> None:
    server.says = lambda _: spans([])
    asked = Asked(server.url, connections)
    assert await asked.ask() == [()]
    assert asked.counted == {"answered": 1}
    registry = CollectorRegistry()
    registry.register(asked.metrics)
    assert b'sluice_external_seconds_count{service="names"} 1.0' in generate_latest(registry)


async def test_a_late_answer_is_none(server: Server, connections: Connections) -> None:
    server.held = asyncio.Event()
    asked = Asked(server.url, connections, timeout=0.05)
    assert await asked.ask() is None
    assert asked.counted == {"timeout": 1}


async def test_nobody_there(connections: Connections) -> None:
    asked = Asked(NOBODY, connections)
    assert await asked.ask() is None
    assert asked.counted == {"unavailable": 1}


async def test_more_text_than_allowed_is_not_sent(server: Server, connections: Connections) -> None:
    server.says = lambda _: spans([])
    asked = Asked(server.url, connections, max_text=8)
    assert await asked.ask("x" * 8) == [()]
    assert await asked.ask("x" * 9) is None
    assert (len(server.asked), asked.counted) == (1, {"answered": 1, "too_large": 1})


async def test_after_failures_in_a_row_nobody_waits(
    server: Server, connections: Connections
) -> None:
    server.status = 503
    asked = Asked(server.url, connections)
    for _ in range(FAILURES + 3):
        assert await asked.ask() is None
    assert len(server.asked) == FAILURES
    assert asked.counted == {"unavailable": FAILURES, "skipped": 3}


async def test_after_a_rest_one_tries_and_then_all_do(
    server: Server, connections: Connections
) -> None:
    server.status = 503
    asked = Asked(server.url, connections)
    for _ in range(FAILURES):
        await asked.ask()
    asked.clock.now += REST
    server.status, server.says, server.held = 200, lambda _: spans([]), asyncio.Event()
    server.arrived.clear()
    probe = asyncio.create_task(asked.ask())
    await server.arrived.wait()
    assert await asked.ask() is None
    server.held.set()
    assert await probe == [()]
    assert await asked.ask() == [()]


async def test_a_failed_try_begins_another_rest(server: Server, connections: Connections) -> None:
    server.status = 503
    asked = Asked(server.url, connections)
    for _ in range(FAILURES):
        await asked.ask()
    asked.clock.now += REST
    await asked.ask()
    await asked.ask()
    assert len(server.asked) == FAILURES + 1


async def test_a_try_that_nobody_waits_for_leaves_room_for_another(
    server: Server, connections: Connections
) -> None:
    server.status = 503
    asked = Asked(server.url, connections)
    for _ in range(FAILURES):
        await asked.ask()
    asked.clock.now += REST
    server.status, server.says, server.held = 200, lambda _: spans([]), asyncio.Event()
    server.arrived.clear()
    probe = asyncio.create_task(asked.ask())
    await server.arrived.wait()
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    server.held.set()
    assert await asked.ask() == [()]
    assert asked.counted["abandoned"] == 1


async def test_bad_answers_are_asked_for_again(server: Server, connections: Connections) -> None:
    """They come in time, and one client's odd texts must not turn the detector off for others."""
    server.status = 400
    asked = Asked(server.url, connections)
    for _ in range(FAILURES + 3):
        assert await asked.ask() is None
    assert asked.counted == {"malformed": FAILURES + 3}


async def test_the_log_tells_once_and_tells_no_text(
    server: Server, connections: Connections, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "extauth.content.detectors")
    server.says = lambda _: {"outputs": [{"name": "SPANS", "shape": [1], "data": [TEXT]}]}
    asked = Asked(server.url, connections)
    await asked.ask()
    await asked.ask()
    server.says = lambda _: spans([])
    await asked.ask()
    told = [one.getMessage() for one in caplog.records if one.name.startswith("extauth")]
    assert told == [
        "names is absent: its SPANS are not a JSON array of spans",
        "names answers again",
    ]

"""The monitor against a real HTTP server that answers as Triton does."""

from __future__ import annotations

import asyncio
import gzip
import logging
from typing import TYPE_CHECKING

import pytest

from extauth.facts.load import LoadMonitor
from extauth.facts.load.monitor import STALE
from extauth.facts.load.scrape import LARGEST, TIMEOUT
from extauth.settings import BackendSettings, Model, Price
from extauth.types import LoadFacts
from tests.facts.load.conftest import serving
from tests.facts.load.triton import printed, printed_with_gpus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.facts.load.conftest import Server

pytestmark = pytest.mark.slow


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


class Gateway:
    """The active snapshot's backends, and the monitor that reads them."""

    def __init__(self, watch: Watch) -> None:
        self.backends: dict[str, BackendSettings] = {}
        self.monitor = LoadMonitor(lambda: self.backends, watch)

    def reads(self, *urls: str | None) -> None:
        """Serve these backends from now on, `triton` first."""
        self.backends = {
            name: BackendSettings(name, name, "triton", "cpu", "eu-west", metrics_url=url)
            for name, url in zip(("triton", "other"), urls, strict=False)
        }

    def load(self, model: str = "chat", backend: str = "triton") -> LoadFacts | None:
        """Return the load facts of a request to the model."""
        return self.monitor.facts(
            Model(model, backend, "chat", ("1",), {}, "1", 1024, Price(), "eu-west", "")
        )


@pytest.fixture
async def gateway(server: Server, watch: Watch) -> AsyncIterator[Gateway]:
    made = Gateway(watch)
    made.reads(server.url)
    yield made
    await made.monitor.close()


async def test_the_load_is_what_the_server_says(gateway: Gateway, server: Server) -> None:
    server.text = printed(pending=6)
    await gateway.monitor.poll()
    assert gateway.load() == LoadFacts(pending=7, queue_ms=None, in_flight=0, gpu=None, age=0.0)
    assert gateway.load("embed") == LoadFacts(0, None, 0, None, 0.0)


async def test_the_wait_is_that_between_two_readings(
    gateway: Gateway, server: Server, watch: Watch
) -> None:
    await gateway.monitor.poll()
    server.text = printed(done=4, queue_us=100_000)
    watch.now += 1
    await gateway.monitor.poll()
    told = gateway.load()
    assert told is not None
    assert told.queue_ms == 25.0


async def test_gpus_are_told_where_there_are_some(gateway: Gateway, server: Server) -> None:
    server.text = printed_with_gpus(0.9, 0.4)
    await gateway.monitor.poll()
    told = gateway.load()
    assert told is not None
    assert told.gpu == pytest.approx(0.65)


async def test_nothing_is_known_before_the_first_reading(gateway: Gateway) -> None:
    assert gateway.load() is None


async def test_without_an_address_the_load_is_unknown(gateway: Gateway) -> None:
    gateway.reads(None)
    await gateway.monitor.poll()
    assert gateway.load() is None


async def test_a_model_that_the_server_lacks_is_unknown(gateway: Gateway) -> None:
    await gateway.monitor.poll()
    assert gateway.load("echo") is None


async def test_a_reading_tells_its_age_and_ends_when_it_is_stale(
    gateway: Gateway, server: Server, watch: Watch
) -> None:
    await gateway.monitor.poll()
    server.status = 500
    watch.now += STALE
    await gateway.monitor.poll()
    told = gateway.load()
    assert told is not None
    assert told.age == STALE
    watch.now += 0.1
    assert gateway.load() is None


async def test_a_server_that_comes_back_is_known_again(
    gateway: Gateway, server: Server, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its loss is logged once, and its return once."""
    caplog.set_level(logging.INFO, "extauth")
    server.status = 503
    for _ in range(3):
        await gateway.monitor.poll()
    server.status = 200
    for _ in range(2):
        await gateway.monitor.poll()
    assert gateway.load() is not None
    assert [record.message for record in caplog.records] == [
        "the load of backend triton is unknown: its metrics answer 503",
        "the load of backend triton is known again",
    ]


async def test_nobody_there_is_no_error(gateway: Gateway) -> None:
    gateway.reads("http://127.0.0.1:1/metrics")
    await gateway.monitor.poll()
    assert gateway.load() is None


@pytest.mark.parametrize(
    ("status", "headers", "text"),
    [
        (302, {"location": "/elsewhere"}, printed()),
        (200, {}, printed() + b"#" * LARGEST),
        (200, {"content-encoding": "gzip"}, gzip.compress(printed(), mtime=0)),
        (200, {}, b"<html>"),
        (200, {}, b""),
    ],
    ids=["redirect", "too large", "compressed", "html", "empty"],
)
async def test_an_unusable_answer_is_no_reading(
    gateway: Gateway, server: Server, status: int, headers: dict[str, str], text: bytes
) -> None:
    server.status, server.headers, server.text = status, headers, text
    await gateway.monitor.poll()
    assert gateway.load() is None


async def test_a_large_answer_is_read_whole(gateway: Gateway, server: Server) -> None:
    server.text = b"# a comment of a line\n" * 50_000 + printed(pending=2)
    await gateway.monitor.poll()
    told = gateway.load()
    assert told is not None
    assert told.pending == 3


async def test_a_server_that_hangs_holds_up_no_other(gateway: Gateway, server: Server) -> None:
    async with serving() as hanging:
        hanging.held = asyncio.Event()
        gateway.reads(server.url, hanging.url)
        async with asyncio.timeout(TIMEOUT + 1):
            await gateway.monitor.poll()
        assert gateway.load() is not None
        assert gateway.load(backend="other") is None


async def test_each_model_has_the_load_of_its_own_backend(gateway: Gateway, server: Server) -> None:
    gateway.reads(None, server.url)
    await gateway.monitor.poll()
    assert gateway.load() is None
    assert gateway.load(backend="other") is not None


async def test_a_backend_that_moved_is_another_one(gateway: Gateway) -> None:
    await gateway.monitor.poll()
    gateway.reads("http://127.0.0.1:1/metrics")
    await gateway.monitor.poll()
    assert gateway.load() is None


async def test_requests_in_flight_are_counted_now(gateway: Gateway, watch: Watch) -> None:
    await gateway.monitor.poll()
    gateway.monitor.began("chat")
    gateway.monitor.began("chat")
    gateway.monitor.began("embed")
    watch.now += 5
    told = gateway.load()
    assert told is not None
    assert (told.in_flight, told.age) == (2, 5.0)
    gateway.monitor.ended("chat")
    gateway.monitor.ended("chat")
    told = gateway.load()
    assert told is not None
    assert told.in_flight == 0


async def test_it_reads_by_itself_until_it_is_closed(gateway: Gateway, server: Server) -> None:
    await gateway.monitor.start()
    async with asyncio.timeout(5):
        await server.asked.wait()
        server.asked.clear()
        await server.asked.wait()
    assert gateway.load() is not None
    server.held = asyncio.Event()
    server.asked.clear()
    async with asyncio.timeout(5):
        await server.asked.wait()
        await gateway.monitor.close()

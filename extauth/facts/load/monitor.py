"""A background task that keeps the load of every model server up to date."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from extauth.errors import GatewayError
from extauth.facts.load.backend import BackendLoad
from extauth.facts.load.sample import parse
from extauth.facts.load.scrape import Scraper
from extauth.types import LoadFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extauth.facts.load.backend import Reading
    from extauth.settings import BackendSettings, Model
    from extauth.types import Clock

INTERVAL = 1.0
"""Seconds between two readings."""

STALE = 10.0
"""Seconds after which a reading is too old to be used."""

_INLINE = 64 << 10
"""Bytes of metrics that are parsed on the event loop at most; more are parsed in a thread."""

logger = logging.getLogger(__name__)


class LoadMonitor:
    """Reads the metrics of all backends once a second, and counts the requests in flight.

    `backends` returns the backends of the active snapshot. `clock` is monotonic, in seconds. There
    is one monitor a process, for one event loop. `facts` returns the last reading without waiting.
    """

    def __init__(
        self, backends: Callable[[], Mapping[str, BackendSettings]], clock: Clock = time.monotonic
    ) -> None:
        self._backends = backends
        self._clock = clock
        self._scraper: Scraper | None = None
        self._task: asyncio.Task[None] | None = None
        # By name and address: at a new address it is another server.
        self._loads: dict[tuple[str, str], BackendLoad] = {}
        self._readings: dict[str, Mapping[str, Reading]] = {}
        self._failing: set[str] = set()
        self._in_flight: dict[str, int] = {}

    async def start(self) -> None:
        """Start reading."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop reading and close the connections."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._scraper is not None:
            await self._scraper.close()

    def facts(self, model: Model) -> LoadFacts | None:
        """Return the load of the model's backend; None where it is unknown.

        It is unknown if the backend has no metrics address or does not have the model, or if the
        last reading is older than `STALE` seconds.
        """
        reading = self._readings.get(model.backend, {}).get(model.name)
        if reading is None:
            return None
        age = self._clock() - reading.time
        if age > STALE:
            return None
        return LoadFacts(
            pending=reading.pending,
            queue_ms=reading.queue_ms,
            in_flight=self._in_flight.get(model.name, 0),
            gpu=reading.gpu,
            age=round(age, 1),
        )

    def began(self, model: str) -> None:
        """Count a request to the model as in flight."""
        self._in_flight[model] = self._in_flight.get(model, 0) + 1

    def ended(self, model: str) -> None:
        """Count a request that `began` as finished, whatever its outcome."""
        left = self._in_flight.get(model, 0) - 1
        if left > 0:
            self._in_flight[model] = left
        else:
            self._in_flight.pop(model, None)

    async def poll(self) -> None:
        """Read every backend once, concurrently, within `TIMEOUT` seconds.

        A backend that can't be read keeps its last reading, and is logged when this begins and
        ends.
        """
        addresses = {
            (backend.name, backend.metrics_url)
            for backend in self._backends().values()
            if backend.metrics_url is not None
        }
        self._forget(addresses)
        await asyncio.gather(*(self._read(name, url) for name, url in addresses))

    async def _run(self) -> None:
        while True:
            started = self._clock()
            await self.poll()
            await asyncio.sleep(max(0.0, started + INTERVAL - self._clock()))

    async def _read(self, name: str, url: str) -> None:
        if self._scraper is None:
            self._scraper = Scraper()
        try:
            text = await self._scraper.fetch(url)
        except GatewayError as error:
            if name not in self._failing:
                logger.warning("the load of backend %s is unknown: %s", name, error.message)
            self._failing.add(name)
            return
        if name in self._failing:
            logger.info("the load of backend %s is known again", name)
        self._failing.discard(name)
        # Before parsing, which takes a while for a large answer.
        now = self._clock()
        sample = parse(text) if len(text) <= _INLINE else await asyncio.to_thread(parse, text)
        load = self._loads.setdefault((name, url), BackendLoad())
        self._readings[name] = load.add(sample, now)

    def _forget(self, addresses: set[tuple[str, str]]) -> None:
        """Drop the readings of backends that are gone or have a new address."""
        for gone in self._loads.keys() - addresses:
            del self._loads[gone]
            self._readings.pop(gone[0], None)
        self._failing &= {name for name, _ in addresses}

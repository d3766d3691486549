"""The load of every model server, kept up to date in the background."""

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
    from extauth.settings import Backend, Model
    from extauth.types import Clock

INTERVAL = 1.0
"""Seconds from one reading to the next."""

STALE = 10.0
"""Seconds after which a reading tells nothing of now any more."""

_INLINE = 64 << 10
"""Bytes of metrics that are parsed on the event loop; more of them in a thread."""

logger = logging.getLogger(__name__)


class LoadMonitor:
    """Reads the metrics of all backends once a second, and counts the requests in flight.

    `backends` are those served now. One a process; belongs to one event loop. Whoever asks for
    facts gets what was read last, and waits for nothing. `clock` is monotonic, in seconds.
    """

    def __init__(
        self, backends: Callable[[], Mapping[str, Backend]], clock: Clock = time.monotonic
    ) -> None:
        self._backends = backends
        self._clock = clock
        self._scraper: Scraper | None = None
        self._task: asyncio.Task[None] | None = None
        # By name and address: a backend that moved is another one.
        self._loads: dict[tuple[str, str], BackendLoad] = {}
        self._readings: dict[str, Mapping[str, Reading]] = {}
        self._failing: set[str] = set()
        self._in_flight: dict[str, int] = {}

    async def start(self) -> None:
        """Read from now on."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop reading, and let go of the connections."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._scraper is not None:
            await self._scraper.close()

    def facts(self, model: Model) -> LoadFacts | None:
        """How busy the model's backend is.

        None where nobody knows: no metrics address, the backend has no such model, or the last
        reading is older than `STALE` seconds.
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
        """A request goes to the model."""
        self._in_flight[model] = self._in_flight.get(model, 0) + 1

    def ended(self, model: str) -> None:
        """One that began is over, however it ended."""
        left = self._in_flight.get(model, 0) - 1
        if left > 0:
            self._in_flight[model] = left
        else:
            self._in_flight.pop(model, None)

    async def poll(self) -> None:
        """Read every backend once, in `TIMEOUT` seconds at most; what can't be read is left out."""
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
        # As old as the answer is: parsing a large one takes a while.
        now = self._clock()
        sample = parse(text) if len(text) <= _INLINE else await asyncio.to_thread(parse, text)
        load = self._loads.setdefault((name, url), BackendLoad())
        self._readings[name] = load.add(sample, now)

    def _forget(self, addresses: set[tuple[str, str]]) -> None:
        """Drop what was read of backends that are no more, or elsewhere now."""
        for gone in self._loads.keys() - addresses:
            del self._loads[gone]
            self._readings.pop(gone[0], None)
        self._failing &= {name for name, _ in addresses}

"""Bounded calls to an external service: in time, in size, and none while it is down."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from extauth.content.detectors.breaker import Breaker
from extauth.errors import BackendError, BackendUnavailable
from extauth.observability.metrics import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from extauth.observability.metrics import Metrics
    from extauth.settings import ExternalService

T = TypeVar("T")

logger = logging.getLogger(__name__)


class ExternalMetrics:
    """Counters and times of external detectors and classifiers."""

    def __init__(self, metrics: Metrics) -> None:
        self._requests = metrics.counter(
            "sluice_external_requests",
            "Questions to external detectors and classifiers: answered, timeout, unavailable, "
            "malformed, abandoned; too_large and skipped were not asked.",
            *("service", "outcome"),
        )
        self._seconds = metrics.histogram(
            "sluice_external_seconds",
            "Time that external detectors and classifiers took.",
            "service",
        )

    def asked(self, service: str, outcome: str, seconds: float) -> None:
        """Count a question, also one that was not asked because the service is down."""
        self._requests.add((service, outcome))
        if seconds:
            self._seconds.observe((service,), int(seconds * MICROSECONDS))


class Bounded(Generic[T]):
    """Calls a service within the bounds of `settings`. Belongs to one event loop.

    `ask` raises BackendUnavailable and BackendError.
    """

    def __init__(
        self,
        name: str,
        settings: ExternalService,
        ask: Callable[[Sequence[str]], Awaitable[T]],
        breaker: Breaker | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._ask = ask
        self._breaker = breaker or Breaker()
        self._absent = False

    def wants(self, model: str) -> bool:
        """Return whether the service is asked about requests to the model."""
        return not self._settings.models or model in self._settings.models

    async def ask(self, texts: Sequence[str], size: int, metrics: ExternalMetrics) -> T | None:
        """Return the service's answer about `texts`; None when it is absent.

        `size` is the number of code points in `texts`. Takes no longer than the timeout. Every
        outcome is counted in `metrics`.
        """
        if size > self._settings.max_text:
            metrics.asked(self.name, "too_large", 0.0)
            return None
        if not self._breaker.admits():
            metrics.asked(self.name, "skipped", 0.0)
            return None
        outcome, why, answer = "abandoned", "", None
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._settings.timeout):
                answer = await self._ask(texts)
            outcome = "answered"
        except TimeoutError:
            outcome, why = "timeout", f"no answer in {self._settings.timeout:g} s"
        except BackendUnavailable as error:
            outcome, why = "unavailable", error.message
        except BackendError as error:
            outcome, why = "malformed", error.message
        finally:
            metrics.asked(self.name, outcome, time.perf_counter() - started)
            self._ended(outcome, why)
        return answer

    def _ended(self, outcome: str, why: str) -> None:
        if outcome == "abandoned":
            self._breaker.abandoned()
            return
        if outcome in {"timeout", "unavailable"}:
            self._breaker.failed()
        else:
            # Even a malformed answer came in time: asking again does not cost a timeout.
            self._breaker.answered()
        if why and not self._absent:
            logger.warning("%s is absent: %s", self.name, why)
        elif self._absent and not why:
            logger.info("%s answers again", self.name)
        self._absent = bool(why)

"""The questions to external services about one request, and their answers."""

from __future__ import annotations

import asyncio
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from extauth.content.privacy import resolve

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from extauth.content.detectors.bounded import Bounded, ExternalMetrics
    from extauth.content.detectors.external import ExternalServices, Findings, Scores
    from extauth.content.privacy import Finding

T = TypeVar("T")

_order = attrgetter("kind", "start")
_place = attrgetter("start", "end", "kind")


class Inquiry:
    """Asks each service for a model about the request, at most once. Belongs to the request's task.

    `scores` are the classifiers' scores, by name and label; `absent` names the services that did
    not answer.
    """

    def __init__(
        self,
        externals: ExternalServices,
        texts: Sequence[str],
        model: str,
        metrics: ExternalMetrics,
    ) -> None:
        """`texts` are the texts that the client sends to `model`."""
        self._externals = externals
        self._model = model
        self._metrics = metrics
        # Blank texts need no answer.
        self._places = [place for place, text in enumerate(texts) if text and not text.isspace()]
        self._texts = [texts[place] for place in self._places]
        self._size = sum(map(len, self._texts))
        self._asked: set[str] = set()
        self._findings: dict[int, list[Finding]] = {}
        self.scores: dict[str, dict[str, float]] = {}
        self.absent: tuple[str, ...] = ()

    async def beside(self, reading: Coroutine[Any, Any, T]) -> T:
        """Return the result of `reading`, and meanwhile ask the services for the client's model."""
        asking = asyncio.create_task(self.about(self._model))
        try:
            # Let the requests leave before `reading` keeps the event loop busy.
            await asyncio.sleep(0)
            found = await reading
            await asking
        finally:
            reading.close()
            asking.cancel()
        return found

    async def about(self, model: str) -> bool:
        """Ask the services for `model` that were not asked yet, all at once.

        Returns False if there are none. Takes as long as the slowest answer, at most the longest
        timeout; a service that does not answer is absent.
        """
        detectors = [each for each in self._externals.detectors if self._wanted(each, model)]
        classifiers = [each for each in self._externals.classifiers if self._wanted(each, model)]
        if not detectors and not classifiers:
            return False
        await asyncio.gather(*map(self._detect, detectors), *map(self._classify, classifiers))
        return True

    def merged(self, own: Sequence[tuple[Finding, ...]]) -> list[tuple[Finding, ...]]:
        """Return the built-in findings, a tuple for each text, merged with those of the services.

        As the detector returns them: by start, and those of one kind never overlap.
        """
        merged = list(own)
        for place, found in self._findings.items():
            together = sorted((*own[place], *found), key=_order)
            kinds = groupby(together, attrgetter("kind"))
            resolved = [finding for _, same in kinds for finding in resolve(same)]
            merged[place] = tuple(sorted(resolved, key=_place))
        return merged

    def _wanted(self, service: Bounded[Any], model: str) -> bool:
        if not self._texts or service.name in self._asked or not service.wants(model):
            return False
        self._asked.add(service.name)
        return True

    async def _detect(self, detector: Bounded[Findings]) -> None:
        answer = await detector.ask(self._texts, self._size, self._metrics)
        if answer is None:
            self._miss(detector.name)
            return
        for place, found in zip(self._places, answer, strict=True):
            if found:
                self._findings.setdefault(place, []).extend(found)

    async def _classify(self, classifier: Bounded[Scores]) -> None:
        answer = await classifier.ask(self._texts, self._size, self._metrics)
        if answer is None:
            self._miss(classifier.name)
        else:
            # A new dictionary: the facts of earlier decisions keep theirs.
            self.scores = {**self.scores, classifier.name: answer}

    def _miss(self, name: str) -> None:
        self.absent = tuple(sorted((*self.absent, name)))

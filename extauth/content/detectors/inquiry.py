"""What those elsewhere say of one request."""

from __future__ import annotations

import asyncio
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from extauth.content.privacy import resolve

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from extauth.content.detectors.bounded import Bounded, ExternalMetrics
    from extauth.content.detectors.external import Externals, Findings, Scores
    from extauth.content.privacy import Finding

T = TypeVar("T")

_order = attrgetter("kind", "start")
_place = attrgetter("start", "end", "kind")


class Inquiry:
    """Asks everybody who is asked about a model, each once. Belongs to the request's task.

    `scores` are those of the classifiers, by name and label; `absent` names who did not answer.
    """

    def __init__(
        self, externals: Externals, texts: Sequence[str], model: str, metrics: ExternalMetrics
    ) -> None:
        """`texts` are those that the client wants `model` to see."""
        self._externals = externals
        self._model = model
        self._metrics = metrics
        # Nobody needs to be asked about nothing.
        self._places = [place for place, text in enumerate(texts) if text and not text.isspace()]
        self._texts = [texts[place] for place in self._places]
        self._size = sum(map(len, self._texts))
        self._asked: set[str] = set()
        self._findings: dict[int, list[Finding]] = {}
        self.scores: dict[str, dict[str, float]] = {}
        self.absent: tuple[str, ...] = ()

    async def beside(self, reading: Coroutine[Any, Any, T]) -> T:
        """What `reading` returns, while all are asked who are asked about the client's model."""
        asking = asyncio.create_task(self.about(self._model))
        try:
            # The questions are on their way before this thread is busy.
            await asyncio.sleep(0)
            found = await reading
            await asking
        finally:
            reading.close()
            asking.cancel()
        return found

    async def about(self, model: str) -> bool:
        """Ask all at once who are asked about `model` and have not been yet.

        False when there is nobody. Takes as long as the slowest, and so no longer than the longest
        timeout; who does not answer is absent.
        """
        detectors = [each for each in self._externals.detectors if self._wanted(each, model)]
        classifiers = [each for each in self._externals.classifiers if self._wanted(each, model)]
        if not detectors and not classifiers:
            return False
        await asyncio.gather(*map(self._detect, detectors), *map(self._classify, classifiers))
        return True

    def merged(self, own: Sequence[tuple[Finding, ...]]) -> list[tuple[Finding, ...]]:
        """The findings of the built-in detection, a tuple a text, with those of everybody else.

        As the detector has them: by start, and those of one kind never overlap.
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
            # The facts of a decision keep what they were told.
            self.scores = {**self.scores, classifier.name: answer}

    def _miss(self, name: str) -> None:
        self.absent = tuple(sorted((*self.absent, name)))

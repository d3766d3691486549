"""Presidio Analyzer over HTTP: `POST /analyze`.

https://microsoft.github.io/presidio/api-docs/api-docs.html describes it. One text is sent as a
string; several are sent as a list and answered with a list of lists, which 2.2.364 accepts and
releases before 2026 do not. Offsets are those of Python strings, in code points.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import astuple

from extauth.content.detectors.spans import Reported, findings
from extauth.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.content.detectors.connections import Connections
    from extauth.content.privacy import Finding
    from extauth.settings import Presidio


class _Result(msgspec.Struct, frozen=True):
    entity_type: str
    start: int
    end: int
    score: float


_one = msgspec.json.Decoder(list[_Result]).decode
_many = msgspec.json.Decoder(list[list[_Result]]).decode


class PresidioDetector:
    """An `ExternalDetector` on Presidio, asked for the configured entities in each language."""

    def __init__(self, name: str, settings: Presidio, connections: Connections) -> None:
        self.name = name
        self._settings = settings
        self._connections = connections
        self._url = f"{settings.url.rstrip('/')}/analyze"

    async def detect(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """Find as `ExternalDetector.detect`, in all languages at once, and join the findings."""
        told = await asyncio.gather(
            *(self._analyze(texts, language) for language in self._settings.languages)
        )
        return [
            findings(
                text,
                (Reported(*astuple(result)) for results in own for result in results),
                name=self.name,
                kinds=self._settings.entities,
                least=self._settings.min_confidence,
            )
            for text, own in zip(texts, zip(*told, strict=True), strict=True)
        ]

    async def _analyze(self, texts: Sequence[str], language: str) -> list[list[_Result]]:
        single = len(texts) == 1
        body = {
            "text": texts[0] if single else texts,
            "language": language,
            "entities": list(self._settings.entities),
            "score_threshold": self._settings.min_confidence,
        }
        answer = await self._connections.post(self._url, msgspec.json.encode(body))
        try:
            results = [_one(answer)] if single else _many(answer)
        except msgspec.DecodeError:
            # The decoder's message can quote the answer, and so a text.
            raise BackendError("its answer is not a list of results") from None
        if len(results) != len(texts):
            raise BackendError(f"it answers for {len(results)} texts, not {len(texts)}")
        return results

"""Token classification by a model on Triton.

The model takes `TEXT`, BYTES [n, 1], and gives `SPANS`, BYTES [n, 1]: for each text a JSON array of
`{"label": "PER", "start": 4, "end": 12, "score": 0.98}`, with half-open offsets in code points of
the text. The model gets each text whole and tokenizes it itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import astuple

from extauth.content.detectors.kserve import BATCH, TextModel
from extauth.content.detectors.spans import Reported, findings
from extauth.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.content.detectors.connections import Connections
    from extauth.content.privacy import Finding
    from extauth.settings import TokenClassification

SPANS = "SPANS"


class _Span(msgspec.Struct, frozen=True):
    label: str
    start: int
    end: int
    score: float


_decode = msgspec.json.Decoder(list[_Span]).decode


class TritonDetector:
    """An `ExternalDetector` that asks a model for the spans of the labels that have a kind."""

    def __init__(self, name: str, settings: TokenClassification, connections: Connections) -> None:
        self.name = name
        self._settings = settings
        self._model = TextModel(
            connections,
            url=settings.url,
            model=settings.model,
            version=settings.version,
            outputs=(SPANS,),
        )

    async def detect(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """Find as `ExternalDetector.detect`. Larger requests are sent one batch after the other."""
        found: list[tuple[Finding, ...]] = []
        for start in range(0, len(texts), BATCH):
            found += await self._detect(texts[start : start + BATCH])
        return found

    async def _detect(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        (spans,) = await self._model.infer(texts)
        if len(spans.data) != len(texts):
            raise BackendError(f"it answers for {len(spans.data)} texts, not {len(texts)}")
        return [
            findings(
                text,
                (Reported(*astuple(span)) for span in _read(value)),
                name=self.name,
                kinds=self._settings.labels,
                least=self._settings.min_confidence,
            )
            for text, value in zip(texts, spans.data, strict=True)
        ]


def _read(value: str | float) -> list[_Span]:
    try:
        return _decode(str(value))
    except msgspec.DecodeError:
        # The decoder's message can quote the answer, and so a text.
        raise BackendError("its SPANS are not a JSON array of spans") from None

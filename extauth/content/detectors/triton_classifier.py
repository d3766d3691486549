"""Text classification by a model on Triton.

The model takes `TEXT`, BYTES [n, 1], and gives `LABELS`, BYTES [n, k], and `SCORES`, FP32 [n, k]:
for each text the score of every label, 0 to 1, in any order. A label is a short name, since it goes
into facts and records, where no text may go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extauth.content.detectors.kserve import BATCH, TextModel
from extauth.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.content.detectors.connections import Connections
    from extauth.settings import TextClassification

LABELS, SCORES = "LABELS", "SCORES"
MOST_LABELS = 64
"""Labels in the facts of a request at most."""

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,63}")


class TritonClassifier:
    """A `Classifier` that asks a model for its scores."""

    def __init__(self, name: str, settings: TextClassification, connections: Connections) -> None:
        self.name = name
        self._model = TextModel(
            connections,
            url=settings.url,
            model=settings.model,
            version=settings.version,
            outputs=(LABELS, SCORES),
        )

    async def classify(self, texts: Sequence[str]) -> dict[str, float]:
        highest: dict[str, float] = {}
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            labels, scores = await self._model.infer(batch)
            if labels.shape != scores.shape or labels.shape[:1] != [len(batch)]:
                raise BackendError("its LABELS and SCORES are not those of the texts")
            for label, score in zip(labels.data, scores.data, strict=True):
                _note(highest, label, score)
        return highest


def _note(highest: dict[str, float], label: str | float, score: str | float) -> None:
    if not (isinstance(label, str) and _LABEL.fullmatch(label)):
        raise BackendError("it reports a label that is not a short name")
    if not (isinstance(score, float | int) and 0 <= score <= 1):
        raise BackendError("it reports a score that is not 0 to 1")
    highest[label] = max(highest.get(label, 0.0), float(score))
    if len(highest) > MOST_LABELS:
        raise BackendError(f"it reports more than {MOST_LABELS} labels")

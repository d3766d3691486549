"""The interfaces of an external detector and an external classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.content.privacy import Finding


class ExternalDetector(Protocol):
    """Finds sensitive data by asking a service. Belongs to one event loop."""

    @property
    def name(self) -> str:
        """Its name in gateway.yaml, which is also the recogniser of its findings."""

    async def detect(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """Return the findings of every text, in the order of the texts, each sorted by start.

        Offsets are code points. Raises BackendUnavailable when the service does not answer,
        BackendError when the answer is not what the protocol says. Messages contain no part of a
        text.
        """


class Classifier(Protocol):
    """Scores texts by asking a service. Belongs to one event loop."""

    @property
    def name(self) -> str:
        """Its name in gateway.yaml."""

    async def classify(self, texts: Sequence[str]) -> dict[str, float]:
        """Return the highest score of any text, 0 to 1, by label. Raises as `detect` does."""

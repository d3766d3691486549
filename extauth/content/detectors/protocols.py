"""What an adapter of a detector or a classifier offers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.content.privacy import Finding


class ExternalDetector(Protocol):
    """Finds what is sensitive by asking somebody else. Belongs to one event loop."""

    @property
    def name(self) -> str:
        """Its name in gateway.yaml, which its findings have as their recogniser."""

    async def detect(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """The findings of every text, in the order of the texts, each by start.

        Offsets are code points. Raises BackendUnavailable when nobody answers, BackendError when
        the answer is not what the protocol says; no part of a text is in a message.
        """


class Classifier(Protocol):
    """Scores texts by asking somebody else. Belongs to one event loop."""

    @property
    def name(self) -> str:
        """Its name in gateway.yaml."""

    async def classify(self, texts: Sequence[str]) -> dict[str, float]:
        """By label, the highest score of any of the texts, 0 to 1. Raises as `detect` does."""

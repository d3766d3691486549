"""The external services of a snapshot's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.detectors.bounded import Bounded
from extauth.content.detectors.connections import Connections
from extauth.content.detectors.presidio import PresidioDetector
from extauth.content.detectors.triton_classifier import TritonClassifier
from extauth.content.detectors.triton_tokens import TritonDetector
from extauth.content.privacy import Finding
from extauth.settings import Presidio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.content.detectors.protocols import ExternalDetector
    from extauth.settings import Settings, TokenClassification

Findings = list[tuple[Finding, ...]]
Scores = dict[str, float]


class ExternalServices:
    """The detectors and classifiers of a runtime. Belongs to one event loop."""

    def __init__(
        self,
        detectors: Sequence[Bounded[Findings]],
        classifiers: Sequence[Bounded[Scores]],
        connections: Connections,
    ) -> None:
        self.detectors = tuple(detectors)
        self.classifiers = tuple(classifiers)
        self._connections = connections

    async def close(self) -> None:
        """Close the connections. No service may be asked afterwards."""
        await self._connections.close()


def open_externals(settings: Settings) -> ExternalServices | None:
    """Return the services that `settings` name; None if they name none. Opens no connection yet."""
    if not settings.detectors and not settings.classifiers:
        return None
    connections = Connections()
    return ExternalServices(
        [
            Bounded(name, one, _detector(name, one, connections).detect)
            for name, one in settings.detectors.items()
        ],
        [
            Bounded(name, one, TritonClassifier(name, one, connections).classify)
            for name, one in settings.classifiers.items()
        ],
        connections,
    )


def _detector(
    name: str, settings: Presidio | TokenClassification, connections: Connections
) -> ExternalDetector:
    if isinstance(settings, Presidio):
        return PresidioDetector(name, settings, connections)
    return TritonDetector(name, settings, connections)

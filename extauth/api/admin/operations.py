"""What operators can ask of the gateway, whether one process serves or several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from extauth.api.admin.readiness import Readiness
    from extauth.api.admin.served import Served
    from extauth.rollout import Mode, TrialOrder


class Operations(Protocol):
    """What the admin endpoint passes on. Safe for any number of tasks of one event loop."""

    async def readiness(self) -> Readiness:
        """What does not work at the moment."""

    async def metrics(self) -> Collector:
        """What a scrape sees."""

    async def activate(self, digest: str, rollback: bool = False) -> None:
        """Serve another of the state directory's snapshots from the next request on.

        Raises SluiceError, and goes on with the old one, when it can't be loaded, is not what was
        compiled and signed, or has a lower sequence number and is no `rollback`.
        """

    async def served(self) -> Served:
        """The snapshot for new requests, and those that requests under way began with.

        Raises StackError when that can't be told.
        """

    async def bundle(self) -> bytes:
        """The policies served now, as an OPA bundle. Raises ConfigurationError."""

    async def start_trial(self, mode: Mode, order: TrialOrder) -> None:
        """Try a candidate on the requests that begin from now on.

        Raises StackError while another trial runs, ConfigurationError when it can't be loaded.
        """

    async def stop_trial(self, mode: Mode) -> None:
        """Have every request that begins from now on decided by the live policies alone.

        Raises StackError when no trial of this mode runs.
        """

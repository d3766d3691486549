"""The operations of the gateway, of one process or of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from extauth.rollout import Mode, TrialOrder


class Readiness(msgspec.Struct, frozen=True):
    """The names of the parts that do not work now; none when everything works."""

    failing: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when requests can be served."""
        return not self.failing


class Served(msgspec.Struct, frozen=True):
    """The snapshot that decides on new requests, and those that still decide on earlier ones."""

    digest: str
    sequence: int
    retiring: tuple[str, ...] = ()


class Operations(Protocol):
    """The orders and questions of operators. Safe for any number of tasks of one event loop."""

    async def readiness(self) -> Readiness:
        """Return the parts that do not work at the moment."""

    async def metrics(self) -> Collector:
        """Return the metrics for a scrape."""

    async def activate(self, digest: str, rollback: bool = False) -> None:
        """Serve another of the state directory's snapshots from the next request on.

        Raises SluiceError, and goes on with the old one, when it can't be loaded, is not what was
        compiled and signed, or has a lower sequence number and is not a `rollback`.
        """

    async def served(self) -> Served:
        """Return the snapshot of new requests, and those that requests under way began with.

        Raises StackError when a worker does not answer.
        """

    async def bundle(self) -> bytes:
        """Return the policies served now, as an OPA bundle. Raises ConfigurationError."""

    async def start_trial(self, mode: Mode, order: TrialOrder) -> None:
        """Try a candidate on the requests that begin from now on.

        Raises StackError while another trial runs, ConfigurationError when it can't be loaded.
        """

    async def stop_trial(self, mode: Mode) -> None:
        """Have every request that begins from now on decided by the live policies alone.

        Raises StackError when no trial of this mode runs.
        """

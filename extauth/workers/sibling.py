"""The client of another worker, over its unix socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from extauth.errors import StackError, Unreachable
from extauth.network.client import HttpClient
from extauth.workers.merging import MetricFamily
from extauth.workers.state import Commitment, Ending, Forgetting, Preparation, WorkerState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth.rollout import Mode, TrialOrder

T = TypeVar("T")

LOAD_SECONDS = 15.0
"""Seconds that a worker may take to load policies, or to write down what a trial found out."""

TELL_SECONDS = 1.0
"""Seconds that it may take for everything else."""

LARGEST = 16 << 20
"""Bytes of an answer; the metrics of a worker are the largest."""


class Sibling:
    """Another worker. Every method raises StackError when it refuses, or does not answer in time.

    Belongs to one event loop.
    """

    def __init__(self, number: int, socket: Path, token: str) -> None:
        """`socket` is short enough for a unix socket's address."""
        self.number = number
        self._client = HttpClient(
            timeout=TELL_SECONDS,
            largest=LARGEST,
            headers={"authorization": f"Bearer {token}"},
            socket=socket,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def state(self) -> WorkerState:
        """Return the snapshot that it serves, and its parts that do not work."""
        return self._told(await self._ask("GET", "/state"), WorkerState)

    async def families(self) -> tuple[MetricFamily, ...]:
        """Return its metrics."""
        return self._told(await self._ask("GET", "/metrics"), tuple[MetricFamily, ...])

    async def prepare(self, digest: str, *, rollback: bool) -> None:
        """See Worker."""
        await self._ask("POST", "/prepared", Preparation(digest, rollback), LOAD_SECONDS)

    async def commit(self, digest: str) -> None:
        """See Worker."""
        await self._ask("POST", "/committed", Commitment(digest))

    async def abandon(self) -> None:
        """See Worker."""
        await self._ask("DELETE", "/prepared", within=LOAD_SECONDS)

    async def forget(self, names: Mapping[str, str]) -> None:
        """See Leader."""
        await self._ask("POST", "/forgotten", Forgetting(dict(names)), LOAD_SECONDS)

    async def start_trial(self, mode: Mode, order: TrialOrder) -> None:
        """See Worker."""
        await self._ask("POST", f"/trial/{mode}", order, LOAD_SECONDS)

    async def stop_trial(
        self, mode: Mode, why: str = "it was stopped", *, failed: bool = False
    ) -> None:
        """See Worker."""
        await self._ask("DELETE", f"/trial/{mode}", Ending(why, failed), LOAD_SECONDS)

    async def _ask(
        self,
        method: str,
        path: str,
        order: msgspec.Struct | None = None,
        within: float = TELL_SECONDS,
    ) -> bytes:
        body = None if order is None else msgspec.json.encode(order)
        try:
            answer = await self._client.request(
                method, f"http://worker{path}", body, timeout=within
            )
        except Unreachable:
            raise StackError(f"worker {self.number} does not answer") from None
        if answer.status != 200:
            raise StackError(f"worker {self.number}: {_reason(answer.body)}")
        return answer.body

    def _told(self, content: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError:
            raise StackError(f"worker {self.number} is of another version of sluice") from None


def _reason(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body, type=dict[str, str])["error"])
    except (msgspec.MsgspecError, KeyError):
        return "it refused, and does not say why"

"""Settlements and releases that did not reach the server: kept, and repeated until they do."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from extauth.errors import LedgerUnavailable
from extauth.ledger.redis.script import RENEW

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.ledger.redis.script import Script
    from extauth.ledger.redis.server import Server

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0

Arguments = dict[str, object]


class End:
    """A settlement or release that may or may not have reached the server.

    `ask` builds the script's argument for the current time: it contains calendar periods. `landed`
    is set with the reply.
    """

    def __init__(self, script: Script, ask: Callable[[], Arguments]) -> None:
        self.script = script
        self.ask = ask
        self.landed: asyncio.Future[list[object]] = asyncio.get_running_loop().create_future()


class Ends:
    """Sends ends in their order, each until the server has confirmed it. For one event loop.

    A repeated end counts once: the server remembers the ends that are sent with `again`.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._late: deque[End] = deque()
        self._recovery: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._late)

    def keep(self, end: End) -> None:
        """Queue an end, to be sent as soon as the server answers."""
        self._late.append(end)
        self.recover()

    def recover(self) -> None:
        """Start sending until the server answers and the queue is empty."""
        if self._recovery is None and not self._closed:
            self._recovery = asyncio.get_running_loop().create_task(self._recover())

    async def recovered(self) -> None:
        """Wait until the server answers again."""
        if self._recovery is not None:
            await asyncio.shield(self._recovery)

    async def close(self, patience: float) -> None:
        """Send what can be sent in `patience` seconds. Raises LedgerUnavailable for the rest."""
        self._closed = True
        if self._recovery is not None:
            recovery = self._recovery
            await asyncio.wait({recovery}, timeout=patience)
            recovery.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await recovery
        if self._late:
            raise LedgerUnavailable(
                f"{len(self._late)} settlements did not reach the ledger's Redis: "
                "they count as what was known of them before."
            )

    async def _recover(self) -> None:
        pause = _FIRST_PAUSE
        try:
            while self._late or self._server.failure is not None:
                try:
                    await self._tell()
                except LedgerUnavailable:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            self._recovery = None

    async def _tell(self) -> None:
        await self._server.call(RENEW, {"leaves": False})
        while self._late:
            end = self._late[0]
            answer = await self._server.call(end.script, {**end.ask(), "again": True})
            if answer[1:] == ["stale"]:
                # The server's clock has moved far: build the argument again for its time.
                continue
            self._late.popleft()
            if not end.landed.done():
                end.landed.set_result(answer)

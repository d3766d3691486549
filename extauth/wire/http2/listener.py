"""The unix socket on which Envoy's ext_proc streams arrive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extauth.network.server import listen_unix
from extauth.wire.http2.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth.wire.http2.stream import Handler


LINGER = 1.0
"""Seconds that peers get to hang up, once all is said."""


class Listener:
    """Serves calls on a unix socket until it is stopped. Belongs to one event loop."""

    def __init__(
        self, path: Path, handlers: Mapping[str, Handler], *, largest_message: int
    ) -> None:
        """`handlers` are by `/package.Service/Method`, `largest_message` is in bytes."""
        self._path = path
        self._handlers = handlers
        self._largest = largest_message
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Accept connections. Raises StackError when the socket can't be had."""
        self._server = await asyncio.get_running_loop().create_unix_server(
            self._connection, sock=listen_unix(self._path)
        )

    async def stop(self, grace: float) -> None:
        """Take no new calls, wait `grace` seconds for the others, then cancel them.

        Returns when all peers have hung up, or a second later.
        """
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.retire()
        if tasks := self._tasks():
            await asyncio.wait(tasks, timeout=grace)
        cut = self._tasks()
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)
        left = list(self._connections)
        for connection in left:
            connection.finish()
        if left:
            # Whoever hangs up on a peer that writes may take from it what it has not read.
            await asyncio.wait([connection.lost for connection in left], timeout=LINGER)
        for connection in list(self._connections):
            connection.close()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for connection in self._connections for task in connection.tasks]

    def _connection(self) -> Connection:
        return Connection(
            self._handlers, largest_message=self._largest, connections=self._connections
        )

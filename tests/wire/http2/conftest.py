"""A service of four calls on a socket."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.wire.http2.listener import Listener
from extauth.wire.http2.stream import CutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extauth.wire.http2.stream import Stream

LARGEST_MESSAGE = 1 << 20
OK, UNKNOWN, RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE = 0, 2, 8, 12, 14


class Service:
    """What is served, and what became of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read: list[bytes] = []
        self.cut = asyncio.Event()
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        handlers = {
            "/echo": self.echo,
            "/fails": self.fails,
            "/waits": self.waits,
            "/once": self.once,
        }
        self.listener = Listener(path, handlers, largest_message=LARGEST_MESSAGE)

    async def echo(self, stream: Stream) -> None:
        """Answer each message with itself, until there are no more."""
        while True:
            try:
                said = await stream.read()
            except CutError:
                return
            self.read.append(said)
            await stream.write(said)

    async def once(self, stream: Stream) -> None:
        """Answer one message, and be done."""
        await stream.write(await stream.read())

    async def fails(self, stream: Stream) -> None:
        """Break over what was said."""
        raise ValueError(await stream.read())

    async def waits(self, stream: Stream) -> None:
        """Take a message, and answer when told to."""
        self.begun.set()
        try:
            await self.go.wait()
            await stream.write(await stream.read())
        except asyncio.CancelledError:
            self.cut.set()
            raise


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """It, on a socket."""
    with tempfile.TemporaryDirectory(prefix="wire") as directory:
        made = Service(Path(directory) / "socket")
        await made.listener.start()
        yield made
        await made.listener.stop(0)

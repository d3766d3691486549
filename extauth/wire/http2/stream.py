"""A stream of HTTP/2 that carries a gRPC call: messages in, messages out.

The framing is gRPC's, PROTOCOL-HTTP2.md: before each message a flag for compression, which nobody
asked for, and its length in four bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    Handler = Callable[["Stream"], Coroutine[Any, Any, None]]
    """Serves a stream: it is over, and well, when this returns, and failed when this raises."""

_PREFIX: Final = Struct(">?L")
PREFIX: Final = _PREFIX.size
"""Bytes before each message: whether it is compressed, and its length."""


class Status(IntEnum):
    """The end of a call, in gRPC's codes."""

    OK = 0
    UNKNOWN = 2
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14


class CutError(Exception):
    """The peer has ended the stream, or left, before it was over."""


class RefusedError(Exception):
    """The peer's message can't be served; the call ends with this status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


class Carrier(Protocol):
    """The connection of a stream."""

    async def send(self, stream: Stream, data: bytes) -> None:
        """Send a message with its prefix, as the windows allow. Raises CutError."""

    def consumed(self, stream: Stream, size: int) -> None:
        """Note that so many bytes have been taken: others may follow."""


class Stream:
    """A stream that the peer began. One task reads and writes, one at a time; not thread-safe.

    `allowance` is how many bytes the peer may still send, `window` how many may be sent to it.
    """

    __slots__ = (
        "_carrier",
        "_largest",
        "_messages",
        "_partial",
        "_waiter",
        "allowance",
        "answered",
        "credit",
        "cut",
        "half_closed",
        "id",
        "window",
    )

    def __init__(
        self, carrier: Carrier, stream: int, *, allowance: int, window: int, largest: int
    ) -> None:
        """Messages of more than `largest` bytes are refused."""
        self._carrier = carrier
        self._largest = largest
        self._messages: deque[bytes] = deque()
        self._partial = b""
        self.half_closed = False
        self._waiter: asyncio.Future[None] | None = None
        self.id = stream
        self.allowance = allowance
        self.window = window
        self.credit = 0
        self.answered = False
        self.cut = False

    async def read(self) -> bytes:
        """Return the next message. Raises CutError when there won't be another."""
        while not self._messages:
            if self.half_closed or self.cut:
                raise CutError
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        message = self._messages.popleft()
        self._carrier.consumed(self, PREFIX + len(message))
        return message

    async def write(self, message: bytes) -> None:
        """Send a message. Raises CutError when nobody waits for it any more."""
        if self.cut:
            raise CutError
        await self._carrier.send(self, _PREFIX.pack(False, len(message)) + message)

    def receive(self, data: bytes, *, end: bool) -> None:
        """Take data as it came. Raises RefusedError for what can't be served."""
        if self._partial:
            data = self._partial + data
        while len(data) >= PREFIX:
            compressed, size = _PREFIX.unpack_from(data)
            if compressed:
                raise RefusedError(Status.UNIMPLEMENTED)
            if size > self._largest:
                raise RefusedError(Status.RESOURCE_EXHAUSTED)
            if len(data) < PREFIX + size:
                break
            self._messages.append(data[PREFIX : PREFIX + size])
            data = data[PREFIX + size :]
        self._partial = data
        self.half_closed = self.half_closed or end
        self._wake()

    def end(self) -> None:
        """The peer is gone: there is nothing to read, and nobody to write to."""
        self.cut = True
        self._messages.clear()
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

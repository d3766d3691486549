"""A peer that speaks HTTP/2 by another library, and says exactly what a test wants it to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    PingAckReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

PATIENCE = 10.0
"""Seconds after which an answer will not come any more."""

GOAWAY = 7


@dataclass
class Answer:
    """What came on one stream."""

    data: bytearray = field(default_factory=bytearray)
    headers: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    reset: int | None = None

    @property
    def messages(self) -> list[bytes]:
        """The complete ones."""
        found, rest = [], bytes(self.data)
        while len(rest) >= 5 and len(rest) >= 5 + int.from_bytes(rest[1:5], "big"):
            size = 5 + int.from_bytes(rest[1:5], "big")
            found.append(rest[5:size])
            rest = rest[size:]
        return found

    @property
    def status(self) -> int:
        """How the call ended, in gRPC's codes."""
        return int(self.headers["grpc-status"])


class Peer:
    """One connection. `http2` is the library's, to build frames with; `send` sends them.

    A `raw` one sends what the library knows nothing of, and so tells it nothing either.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.http2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.answers: dict[int, Answer] = {}
        self.goaway: int | None = None
        self.pings = 0
        self.raw = False
        self._unread = b""

    def send(self, data: bytes = b"") -> None:
        """Send what the library has ready, and then these bytes."""
        self._writer.write(self.http2.data_to_send() + data)

    def call(self, path: str = "/echo", *, end: bool = False, **headers: str) -> int:
        """Begin a call; its stream."""
        stream = self.http2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        head = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "test"}
        self.http2.send_headers(
            stream, list({**head, "te": "trailers", **headers}.items()), end_stream=end
        )
        self.send()
        return stream

    async def say(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send so much of a call's body, as far as the other side lets it."""
        while data:
            room = self.http2.local_flow_control_window(stream)
            piece = data[: min(room, self.http2.max_outbound_frame_size)]
            if not piece:
                await self.receive()
                continue
            data = data[len(piece) :]
            self.http2.send_data(stream, piece)
            self.send()
        if end:
            self.http2.end_stream(stream)
            self.send()

    async def receive(self) -> bool:
        """Take what came; whether the connection lives on."""
        try:
            data = await asyncio.wait_for(self._reader.read(1 << 16), PATIENCE)
        except ConnectionError:
            return False
        if not data:
            return False
        self._unread += data
        while len(self._unread) >= 9:
            size = 9 + int.from_bytes(self._unread[:3], "big")
            if len(self._unread) < size:
                break
            frame, self._unread = self._unread[:size], self._unread[size:]
            self._take(frame)
        self.send()
        return True

    def _take(self, frame: bytes) -> None:
        if frame[3] == GOAWAY:
            # The library takes it for the end; calls that have begun may go on.
            self.goaway = int.from_bytes(frame[13:17], "big")
        elif not self.raw:
            for event in self.http2.receive_data(frame):
                self._note(event)

    async def until(self, done: Any) -> None:
        """Receive until `done()`. Fails when the connection ends before."""
        while not done():
            assert await self.receive(), "the connection has ended"

    async def ended(self, stream: int) -> Answer:
        """The whole answer to a call."""
        answer = self.answers[stream]
        await self.until(lambda: answer.ended or answer.reset is not None)
        return answer

    async def closed(self) -> int | None:
        """Wait for the connection's end; the code that the other side gave, if it gave one."""
        while await self.receive():
            pass
        return self.goaway

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    def _note(self, event: Any) -> None:
        answer = self.answers.get(getattr(event, "stream_id", 0) or 0, Answer())
        match event:
            case ResponseReceived() | TrailersReceived():
                answer.headers |= dict(event.headers)
            case DataReceived():
                answer.data += event.data
                if event.flow_controlled_length:
                    self.http2.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
            case StreamEnded():
                answer.ended = True
            case StreamReset():
                answer.reset = int(event.error_code)
            case PingAckReceived():
                self.pings += 1


@asynccontextmanager
async def peer(
    path: Path, settings: Mapping[int, int] | None = None, *, handshake: bool = True
) -> AsyncIterator[Peer]:
    """A connection to a unix socket, with these settings of its own."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    made = Peer(reader, writer)
    if settings:
        made.http2.local_settings = Settings(client=True, initial_values=dict(settings))
        # The library only takes it over from settings that change later.
        made.http2.max_inbound_frame_size = made.http2.local_settings.max_frame_size
    if handshake:
        made.http2.initiate_connection()
        made.send()
    try:
        yield made
    finally:
        writer.close()


def message(data: bytes) -> bytes:
    """A gRPC message."""
    return b"\0" + len(data).to_bytes(4, "big") + data


def raw(kind: int, stream: int, payload: bytes, flags: int = 0) -> bytes:
    """A frame that no library would write."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload

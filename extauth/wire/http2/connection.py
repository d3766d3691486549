"""A connection of Envoy's: HTTP/2 as far as gRPC needs it (RFC 9113).

grpcio hands every message from a thread of its own to the event loop, and takes nine times the CPU
(docs/performance.md). So this speaks the protocol itself, to a peer that is known: Envoy, over a
unix socket that nobody else can open. What a peer must not do ends its connection.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from hpack import Decoder, HPACKError

from extauth.wire.http2 import frame as http2
from extauth.wire.http2.frame import Code, Frame, FrameReader, Kind, ProtocolError, Setting
from extauth.wire.http2.stream import PREFIX, CutError, RefusedError, Status, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableSet

    from extauth.wire.http2.stream import Handler

logger = logging.getLogger(__name__)

LARGEST_HEAD: Final = 16 << 10
"""Bytes of a call's headers at most."""

_REMEMBERED: Final = 256
_RETURNED_AT_ONCE: Final = 1 << 20

# 8 is `:status: 200` of the static table (RFC 7541, appendix A).
_ANSWERED: Final = b"\x88" + http2.literal(b"content-type", b"application/grpc")


class Connection(asyncio.Protocol):
    """Serves the streams of one peer, each in a task of its own. Belongs to its event loop."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        largest_message: int,
        connections: MutableSet[Connection],
    ) -> None:
        """`handlers` are by `/package.Service/Method`; `connections` has this one while it lasts.

        Messages of more than `largest_message` bytes are refused.
        """
        self._handlers = handlers
        self._largest = largest_message
        # The second half is given back while the first may still hold a message.
        self._allowance = 2 * (PREFIX + largest_message)
        self._connections = connections
        self._reader = FrameReader()
        self._decoder = Decoder(max_header_list_size=LARGEST_HEAD)
        self._paths: dict[bytes, str] = {}
        self._streams: dict[int, Stream] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._head: tuple[Frame, bytearray] | None = None
        self._last = 0
        self._stopping = False
        self._finished = False
        self._received = 0
        self._window = self._initial_window = http2.WINDOW
        self._frame = http2.LARGEST
        self._writable = True
        self._unsent: list[bytes] = []
        self._room: set[asyncio.Future[None]] = set()
        # Settings come first (RFC 9113, section 3.4).
        self._kinds: dict[int, Callable[[Frame], None]] = {
            **dict.fromkeys(Kind, http2.misplaced),
            Kind.SETTINGS: self._first_settings,
        }
        self._later: dict[int, Callable[[Frame], None]] = {
            Kind.DATA: self._data,
            Kind.HEADERS: self._headers,
            Kind.RST_STREAM: self._reset,
            Kind.SETTINGS: self._settings,
            Kind.PUSH_PROMISE: http2.misplaced,
            Kind.PING: self._ping,
            Kind.GOAWAY: self._goaway,
            Kind.WINDOW_UPDATE: self._window_update,
            Kind.CONTINUATION: self._continuation,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._connections.add(self)
        self.lost: asyncio.Future[None] = self._loop.create_future()
        wanted = {
            # Without a table each head can be read by itself, and one that was seen be looked up.
            Setting.HEADER_TABLE_SIZE: 0,
            Setting.INITIAL_WINDOW_SIZE: min(self._allowance, http2.WIDEST),
        }
        self._write(http2.settings(wanted) + http2.window_update(0, http2.WIDEST - http2.WINDOW))

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed(data):
                if self._head is not None and frame.kind != Kind.CONTINUATION:
                    http2.misplaced(frame)
                handle = self._kinds.get(frame.kind)
                if handle is not None:
                    handle(frame)
        except ProtocolError as error:
            logger.error("a connection to this service's socket was closed: %s", error)
            self._write(http2.goaway(self._last, error.code))
            self.close()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(None)
        self._connections.discard(self)
        for stream in list(self._streams.values()):
            self._cut(stream)
        self._make_room()

    # What calls need.

    async def send(self, stream: Stream, data: bytes) -> None:
        """As `Carrier.send`."""
        size = len(data)
        if size <= min(self._frame, self._window, stream.window) and self._writable:
            self._send(stream, data)
            return
        at = 0
        while at < size:
            room = min(self._frame, self._window, stream.window) if self._writable else 0
            if room > 0:
                self._send(stream, data[at : at + room])
                at += room
                continue
            waiter = self._loop.create_future()
            self._room.add(waiter)
            try:
                await waiter
            finally:
                self._room.discard(waiter)
            if stream.cut:
                raise CutError

    def consumed(self, stream: Stream, size: int) -> None:
        """As `Carrier.consumed`."""
        stream.credit += size
        if stream.credit >= self._allowance // 2 and not stream.cut and not stream.half_closed:
            self._write(http2.window_update(stream.id, stream.credit))
            stream.allowance += stream.credit
            stream.credit = 0

    # What the server needs.

    def retire(self) -> None:
        """Serve no new calls; those that have begun go on."""
        self._stopping = True
        self._write(http2.goaway(self._last, Code.NO_ERROR))

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """The tasks of the calls that have not ended."""
        return tuple(self._tasks.values())

    def finish(self) -> None:
        """Say no more, and let the peer hang up: what it has not read yet it can still read."""
        self._flush()
        self._finished = True
        if not self._transport.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """Close the connection once all that was written is sent."""
        self._flush()
        self._transport.close()

    # Frames.

    def _data(self, frame: Frame) -> None:
        size = len(frame.payload)
        self._received += size
        if self._received >= _RETURNED_AT_ONCE:
            # Each call's own window is what holds its peer back.
            self._write(http2.window_update(0, self._received))
            self._received = 0
        stream = self._streams.get(frame.stream)
        if stream is None or stream.half_closed:
            self._begun(frame)
            return
        stream.allowance -= size
        if stream.allowance < 0:
            raise ProtocolError(Code.FLOW_CONTROL_ERROR, "more data than its window allows")
        data = http2.unpadded(frame)
        if len(data) < size:
            self.consumed(stream, size - len(data))
        self._receive(stream, data, end=bool(frame.flags & http2.END_STREAM))

    def _receive(self, stream: Stream, data: bytes, *, end: bool) -> None:
        if stream.id in self._tasks:
            try:
                stream.receive(data, end=end)
            except RefusedError as refused:
                self._finish(stream, refused.status)
                self._cut(stream)
                return
        elif end:
            # It was answered long ago; now both sides are done.
            self._streams.pop(stream.id, None)

    def _headers(self, frame: Frame) -> None:
        block = http2.unpadded(frame)
        if frame.flags & http2.END_HEADERS:
            self._begin(frame, block)
        else:
            self._head = frame, bytearray(block)

    def _continuation(self, frame: Frame) -> None:
        if self._head is None or self._head[0].stream != frame.stream:
            http2.misplaced(frame)
        first, block = self._head
        block += frame.payload
        if len(block) > LARGEST_HEAD or not frame.payload:
            raise ProtocolError(Code.ENHANCE_YOUR_CALM, "headers without end")
        if frame.flags & http2.END_HEADERS:
            self._head = None
            self._begin(first, bytes(block))

    def _begin(self, frame: Frame, block: bytes) -> None:
        path = self._path(block)
        stream = self._streams.get(frame.stream)
        end = bool(frame.flags & http2.END_STREAM)
        if stream is not None:
            # Trailers, of which gRPC's clients have none to tell.
            self._receive(stream, b"", end=end)
            return
        if frame.stream <= self._last or not frame.stream % 2:
            http2.misplaced(frame)
        self._last = frame.stream
        if self._stopping:
            self._write(http2.reset(frame.stream, Code.REFUSED_STREAM))
            return
        stream = Stream(
            self,
            frame.stream,
            allowance=self._allowance,
            window=self._initial_window,
            largest=self._largest,
        )
        self._streams[stream.id] = stream
        handler = self._handlers.get(path)
        if handler is None:
            self._finish(stream, Status.UNIMPLEMENTED)
            self._receive(stream, b"", end=end)
            return
        task = self._tasks[stream.id] = self._loop.create_task(handler(stream))
        task.add_done_callback(partial(self._served, stream))
        if end:
            stream.receive(b"", end=True)

    def _path(self, block: bytes) -> str:
        path = self._paths.get(block)
        if path is None:
            try:
                headers = dict(self._decoder.decode(block, raw=True))
            except HPACKError as error:
                raise ProtocolError(Code.COMPRESSION_ERROR, str(error)) from None
            path = headers.get(b":path", b"").decode("ascii", "replace")
            # Only a head that has nothing to do with those before it means the same every time.
            if not self._decoder.header_table_size and len(self._paths) < _REMEMBERED:
                self._paths[block] = path
        return path

    def _reset(self, frame: Frame) -> None:
        http2.check_size(frame, 4)
        self._begun(frame)
        stream = self._streams.get(frame.stream)
        if stream is not None:
            self._cut(stream)

    def _first_settings(self, frame: Frame) -> None:
        if frame.flags & http2.ACK:
            http2.misplaced(frame)
        self._kinds = self._later
        self._settings(frame)

    def _settings(self, frame: Frame) -> None:
        if frame.stream:
            http2.misplaced(frame)
        if frame.flags & http2.ACK:
            http2.check_size(frame, 0)
            self._decoder.max_allowed_table_size = 0
            return
        for key, value in http2.read_settings(frame.payload):
            if key == Setting.INITIAL_WINDOW_SIZE:
                change = http2.widened(0, value) - self._initial_window
                for stream in self._streams.values():
                    stream.window = http2.widened(stream.window, change)
                self._initial_window = value
            elif key == Setting.MAX_FRAME_SIZE:
                if not http2.LARGEST <= value <= http2.LARGEST_ALLOWED:
                    http2.misplaced(frame)
                self._frame = value
        self._write(http2.frame(Kind.SETTINGS, http2.ACK, 0))
        self._make_room()

    def _ping(self, frame: Frame) -> None:
        http2.check_size(frame, 8)
        if frame.stream:
            http2.misplaced(frame)
        if not frame.flags & http2.ACK:
            self._write(http2.frame(Kind.PING, http2.ACK, 0, frame.payload))

    def _goaway(self, frame: Frame) -> None:
        """The peer begins no more streams; those that have begun go on."""
        if frame.stream:
            http2.misplaced(frame)

    def _window_update(self, frame: Frame) -> None:
        if len(frame.payload) != 4:
            http2.check_size(frame, 4)
        increment = int.from_bytes(frame.payload, "big") & http2.WIDEST
        if not increment:
            http2.misplaced(frame)
        if not frame.stream:
            self._window = http2.widened(self._window, increment)
        elif stream := self._streams.get(frame.stream):
            stream.window = http2.widened(stream.window, increment)
        else:
            self._begun(frame)
        self._make_room()

    def _begun(self, frame: Frame) -> None:
        """A frame of a stream that the peer began at some time."""
        if frame.stream > self._last or not frame.stream % 2:
            http2.misplaced(frame)

    def _write(self, data: bytes) -> None:
        """Send with all else that this turn of the event loop has to say, in one system call."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(data)

    def _flush(self) -> None:
        if self._unsent and not (self._finished or self._transport.is_closing()):
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    # Calls.

    def _served(self, stream: Stream, task: asyncio.Task[None]) -> None:
        """Say that the task of a stream is done, whether it came to begin or not."""
        self._tasks.pop(stream.id, None)
        status = Status.OK
        if task.cancelled():
            status = Status.UNAVAILABLE
        elif (error := task.exception()) is not None:
            status = Status.UNKNOWN
            logger.error("a stream failed", exc_info=error)
        if not stream.cut:
            self._finish(stream, status)
            if stream.half_closed:
                self._streams.pop(stream.id, None)

    def _send(self, stream: Stream, data: bytes) -> None:
        head = b""
        if not stream.answered:
            stream.answered = True
            head = http2.frame(Kind.HEADERS, http2.END_HEADERS, stream.id, _ANSWERED)
        self._window -= len(data)
        stream.window -= len(data)
        self._write(head + http2.frame(Kind.DATA, 0, stream.id, data))

    def _finish(self, stream: Stream, status: Status) -> None:
        """Say how the stream ended: in trailers, or in a head that is all of the answer."""
        block = http2.literal(b"grpc-status", str(int(status)).encode())
        if not stream.answered:
            stream.answered = True
            block = _ANSWERED + block
        flags = http2.END_HEADERS | http2.END_STREAM
        self._write(http2.frame(Kind.HEADERS, flags, stream.id, block))

    def _cut(self, stream: Stream) -> None:
        self._streams.pop(stream.id, None)
        stream.end()
        task = self._tasks.get(stream.id)
        if task is not None:
            task.cancel()
        self._make_room()

    def _make_room(self) -> None:
        for waiter in self._room:
            if not waiter.done():
                waiter.set_result(None)

"""HTTP/2's frames, as far as a server of one peer needs them: RFC 9113, sections 4 and 6."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""The beginning of a client's connection."""

LARGEST: Final = 16_384
"""Bytes of a frame's payload, unless the other side allows more."""

LARGEST_ALLOWED: Final = (1 << 24) - 1
"""Bytes that either side may allow at most."""

WIDEST: Final = (1 << 31) - 1
"""Bytes of a window at most."""

WINDOW: Final = 65_535
"""Bytes of a window before anybody has said otherwise."""

_HEAD: Final = Struct(">BHBBL")
"""A frame's head: the length in 24 bits, type, flags, stream."""

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITISED: Final = 0x20


class Kind(IntEnum):
    """A frame's type. Those that are not here are skipped, as section 4.1 has it."""

    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Setting(IntEnum):
    """A setting's identifier."""

    HEADER_TABLE_SIZE = 1
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5


class Code(IntEnum):
    """The reason for the end of a stream or a connection."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    FLOW_CONTROL_ERROR = 3
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11


class ProtocolError(Exception):
    """The peer breaks the protocol: the connection ends with this code."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A frame as it came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class FrameReader:
    """Cuts what arrives into frames. Belongs to one connection."""

    __slots__ = ("_begun", "_buffer")

    def __init__(self) -> None:
        self._buffer = b""
        self._begun = False

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete by now; all of them have to be taken.

        Raises ProtocolError for a connection that begins otherwise, and for a frame that is longer
        than `LARGEST`.
        """
        buffer = self._buffer + data if self._buffer else data
        at, end = 0, len(buffer)
        if not self._begun:
            if not PREFACE.startswith(buffer[: len(PREFACE)]):
                raise ProtocolError(Code.PROTOCOL_ERROR, "this is no HTTP/2")
            if end < len(PREFACE):
                self._buffer = buffer
                return
            self._begun, at = True, len(PREFACE)
        while end - at >= _HEAD.size:
            high, low, kind, flags, stream = _HEAD.unpack_from(buffer, at)
            length = high << 16 | low
            if length > LARGEST:
                raise ProtocolError(Code.FRAME_SIZE_ERROR, f"a frame of {length} bytes")
            start = at + _HEAD.size
            if start + length > end:
                break
            yield Frame(kind, flags, stream & WIDEST, buffer[start : start + length])
            at = start + length
        self._buffer = buffer[at:]


def frame(kind: Kind, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame to send."""
    length = len(payload)
    return _HEAD.pack(length >> 16, length & 0xFFFF, kind, flags, stream) + payload


def settings(values: Mapping[Setting, int]) -> bytes:
    """Return the settings of this side."""
    pairs = (key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in values.items())
    return frame(Kind.SETTINGS, 0, 0, b"".join(pairs))


def read_settings(payload: bytes) -> Iterator[tuple[int, int]]:
    """Yield the identifiers, known or not, and values of settings. Raises ProtocolError."""
    if len(payload) % 6:
        raise ProtocolError(Code.FRAME_SIZE_ERROR, "settings of a wrong size")
    for at in range(0, len(payload), 6):
        key, value = payload[at : at + 2], payload[at + 2 : at + 6]
        yield int.from_bytes(key, "big"), int.from_bytes(value, "big")


def window_update(stream: int, increment: int) -> bytes:
    """Let the other side send so many bytes more; on a whole connection for stream 0."""
    return frame(Kind.WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def widened(window: int, increment: int) -> int:
    """Return a window that is so much wider. Raises ProtocolError when it gets too wide."""
    if window + increment > WIDEST:
        raise ProtocolError(Code.FLOW_CONTROL_ERROR, "too wide a window")
    return window + increment


def reset(stream: int, code: Code) -> bytes:
    """End a stream."""
    return frame(Kind.RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def goaway(last: int, code: Code) -> bytes:
    """Announce that streams after `last` won't be served."""
    return frame(Kind.GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big"))


def unpadded(frame: Frame) -> bytes:
    """Return the payload of DATA or HEADERS without padding and priority.

    Raises ProtocolError.
    """
    payload, flags = frame.payload, frame.flags
    # As Envoy sends them.
    if not flags & (PADDED | PRIORITISED):
        return payload
    start, pad = 0, 0
    if flags & PADDED:
        pad, start = payload[0] if payload else 0, 1
    if frame.kind == Kind.HEADERS and flags & PRIORITISED:
        start += 5
    if start + pad > len(payload):
        raise ProtocolError(Code.PROTOCOL_ERROR, "padding is longer than its frame")
    return payload[start : len(payload) - pad]


def check_size(frame: Frame, size: int) -> None:
    """Raise ProtocolError unless the payload has so many bytes."""
    if len(frame.payload) != size:
        raise ProtocolError(Code.FRAME_SIZE_ERROR, f"a frame of type {frame.kind} of a wrong size")


def misplaced(frame: Frame) -> NoReturn:
    """Raise ProtocolError: nothing of its kind may come here."""
    raise ProtocolError(Code.PROTOCOL_ERROR, f"a frame of type {frame.kind} out of place")


def literal(name: bytes, value: bytes) -> bytes:
    """Return a header outside of any table (RFC 7541, section 6.2.2); neither may be long."""
    return b"\0%c%b%c%b" % (len(name), name, len(value), value)

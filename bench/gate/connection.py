"""Envoy's connection to the service: many gRPC calls at once, all of them in step.

Every turn each open call says one thing, in one write, and all are answered before the next turn.
Calls begin a few a turn, so that a turn holds every step of a request. So the service is given the
same bytes in the same order however fast it is.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Self

from envoy.service.ext_proc.v3.external_processor_pb2 import ProcessingResponse
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from bench.errors import MeasurementFailed
from bench.gate.request import METHOD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.gate.request import Talk

STREAMS = 16
"""Calls that are open at once."""

BEGIN = 4
"""Calls that begin in a turn, at most."""

PATIENCE = 120.0
"""Seconds after which an answer will not come any more; under valgrind one takes its time."""

_HEAD = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", METHOD),
    (":authority", "service"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
)


@dataclass(slots=True)
class _Call:
    talk: Talk
    answer: bytearray = field(default_factory=bytearray)
    said: bool = False
    """Everything that there was to say."""
    status: int | None = None
    ended: bool = False
    """By the service, with a status."""
    closed: bool = False
    """In both directions: the service wants to hear no more (RFC 9113, 8.1)."""

    def message(self) -> bytes | None:
        """The answer, if it is there; only once."""
        if len(self.answer) < 5:
            return None
        size = 5 + int.from_bytes(self.answer[1:5], "big")
        if len(self.answer) < size:
            return None
        message = bytes(self.answer[5:size])
        del self.answer[:size]
        return message


class Connection:
    """One connection to the service's socket for Envoy. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._path = path
        self._http2 = H2Connection(H2Configuration(client_side=True))
        self._calls: dict[int, _Call] = {}

    def __enter__(self) -> Self:
        """Connect. Raises MeasurementFailed when nobody listens."""
        try:
            self._socket.connect(str(self._path))
        except OSError as error:
            self._socket.close()
            raise MeasurementFailed(
                f"the service does not listen at {self._path}: {error}"
            ) from None
        self._http2.initiate_connection()
        self._flush()
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._socket.close()

    def run(self, talks: Iterator[Talk]) -> None:
        """Have all of these requests served. Raises MeasurementFailed when one is not."""
        while self._begin(talks) or self._calls:
            self._flush()
            waiting = set(self._calls)
            # A call may have ended by itself once all was said: then there is nothing to wait for.
            while waiting := {stream for stream in waiting if not self._go_on(stream)}:
                self._receive()

    def _begin(self, talks: Iterator[Talk]) -> bool:
        begun = False
        for talk in islice(talks, min(BEGIN, STREAMS - len(self._calls))):
            stream = self._http2.get_next_available_stream_id()
            self._calls[stream] = _Call(talk)
            self._http2.send_headers(stream, _HEAD)
            self._say(stream, next(talk).SerializeToString())
            begun = True
        return begun

    def _go_on(self, stream: int) -> bool:
        """Take the call's answer and get ready what it says next; whether there was one."""
        call = self._calls[stream]
        if call.said:
            if call.ended:
                if call.status != 0:
                    raise MeasurementFailed(f"a call ends with gRPC's status {call.status}")
                del self._calls[stream]
            return call.ended
        while (message := call.message()) is not None:
            answer = ProcessingResponse.FromString(message)
            if answer.HasField("override_message_timeout"):
                continue  # it only asks for patience
            try:
                more = call.talk.send(answer).SerializeToString()
            except StopIteration:
                call.said = True
                if not call.closed:
                    self._http2.end_stream(stream)
                return True
            if not call.closed:
                self._say(stream, more)
                return True
        if call.ended:
            raise MeasurementFailed(f"a call ends early, with gRPC's status {call.status}")
        return False

    def _say(self, stream: int, message: bytes) -> None:
        self._http2.send_data(stream, b"\0" + len(message).to_bytes(4, "big") + message)

    def _flush(self) -> None:
        self._socket.sendall(self._http2.data_to_send())

    def _receive(self) -> None:
        try:
            data = self._socket.recv(1 << 18)
        except TimeoutError:
            raise MeasurementFailed(f"the service did not answer in {PATIENCE:g} s") from None
        except OSError:
            data = b""
        if not data:
            raise MeasurementFailed("the service hung up")
        for event in self._http2.receive_data(data):
            self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case ResponseReceived() | TrailersReceived():
                headers = dict(event.headers)
                if b"grpc-status" in headers:
                    self._calls[event.stream_id].status = int(headers[b"grpc-status"])
            case DataReceived():
                self._calls[event.stream_id].answer += event.data
                self._http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamEnded():
                self._calls[event.stream_id].ended = True
            case StreamReset():
                call = self._calls.get(event.stream_id)
                if event.error_code or (call and not call.ended):
                    raise MeasurementFailed(f"the service resets a call: {event.error_code}")
                if call:
                    call.closed = True
            case ConnectionTerminated():
                raise MeasurementFailed(f"the service says goodbye: {event.error_code}")

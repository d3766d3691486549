"""Peers that break the protocol: each loses its connection, and nobody else does."""

from __future__ import annotations

import asyncio
import logging

import pytest
from h2.settings import SettingCodes
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from extauth.wire.http2.frame import LARGEST, PREFACE, Code
from tests.wire.http2.conftest import LARGEST_MESSAGE, Service
from tests.wire.http2.peer import PATIENCE, message, peer, raw

pytestmark = pytest.mark.slow


def _garbage() -> list[tuple[str, bytes, Code]]:
    def settings(**values: int) -> bytes:
        codes = {SettingCodes[name.upper()]: value for name, value in values.items()}
        return SettingsFrame(0, settings=codes).serialize()

    push = PushPromiseFrame(1, promised_stream_id=2, data=b"", flags=["END_HEADERS"])
    frames: list[tuple[str, bytes | Frame, Code]] = [
        ("a frame too large", raw(0, 1, bytes(LARGEST + 1)), Code.FRAME_SIZE_ERROR),
        ("data of no stream", DataFrame(1, b"x"), Code.PROTOCOL_ERROR),
        ("data of a server's stream", DataFrame(2, b"x"), Code.PROTOCOL_ERROR),
        ("a server's stream", HeadersFrame(2, b"\x82", flags=["END_HEADERS"]), Code.PROTOCOL_ERROR),
        ("a head of no table", HeadersFrame(1, b"\xff\xff\xff\xff\xff", flags=["END_HEADERS"]),
         Code.COMPRESSION_ERROR),
        ("a push", push, Code.PROTOCOL_ERROR),
        ("a continuation of nothing", ContinuationFrame(1, b"x"), Code.PROTOCOL_ERROR),
        ("another frame inside a head", HeadersFrame(1, b"\x82").serialize() + raw(6, 0, bytes(8)),
         Code.PROTOCOL_ERROR),
        ("padding longer than its frame", raw(1, 1, b"\x09\x82", 0xC), Code.PROTOCOL_ERROR),
        ("settings of a wrong size", raw(4, 0, b"12345"), Code.FRAME_SIZE_ERROR),
        ("too wide a window", settings(initial_window_size=1 << 31), Code.FLOW_CONTROL_ERROR),
        ("a window that overflows", WindowUpdateFrame(0, window_increment=(1 << 31) - 1),
         Code.FLOW_CONTROL_ERROR),
        ("an empty window update", raw(8, 0, bytes(4)), Code.PROTOCOL_ERROR),
        ("a window update of a wrong size", raw(8, 0, b"123"), Code.FRAME_SIZE_ERROR),
        ("a window update of no stream", raw(8, 7, b"\0\0\0\1"), Code.PROTOCOL_ERROR),
        ("a ping of a wrong size", raw(6, 0, b"1234567"), Code.FRAME_SIZE_ERROR),
        ("a ping of a stream", raw(6, 1, bytes(8)), Code.PROTOCOL_ERROR),
        ("a reset of a wrong size", raw(3, 1, b"12345"), Code.FRAME_SIZE_ERROR),
        ("a reset of no stream", raw(3, 1, bytes(4)), Code.PROTOCOL_ERROR),
        ("a reset of the connection", raw(3, 0, bytes(4)), Code.PROTOCOL_ERROR),
        ("settings of a stream", raw(4, 1, b""), Code.PROTOCOL_ERROR),
        ("an acknowledgement that says something", raw(4, 0, bytes(6), 1), Code.FRAME_SIZE_ERROR),
        ("frames too small to allow", settings(max_frame_size=16_383), Code.PROTOCOL_ERROR),
        ("frames too large to allow", settings(max_frame_size=1 << 24), Code.PROTOCOL_ERROR),
        ("a goodbye of a stream", raw(7, 1, bytes(8)), Code.PROTOCOL_ERROR),
        ("data of the connection", raw(0, 0, b"x"), Code.PROTOCOL_ERROR),
        ("a head of the connection", raw(1, 0, b"\x82", 0x4), Code.PROTOCOL_ERROR),
        ("a head that goes on with nothing", HeadersFrame(1, b"\x82").serialize()
         + ContinuationFrame(1, b"").serialize(), Code.ENHANCE_YOUR_CALM),
        ("a head without end", HeadersFrame(1, bytes(LARGEST)).serialize()
         + ContinuationFrame(1, bytes(LARGEST)).serialize(), Code.ENHANCE_YOUR_CALM),
    ]  # fmt: skip
    return [(name, frame if isinstance(frame, bytes) else frame.serialize(), code)
            for name, frame, code in frames]  # fmt: skip


@pytest.mark.parametrize(("frames", "code"), [pytest.param(f, c, id=n) for n, f, c in _garbage()])
async def test_what_a_peer_must_not_do_ends_its_connection(
    service: Service, caplog: pytest.LogCaptureFixture, frames: bytes, code: Code
) -> None:
    caplog.set_level(logging.ERROR)
    async with peer(service.path) as envoy:
        envoy.raw = True
        envoy.send(frames)
        assert await envoy.closed() == code
    assert len(caplog.records) == 1
    async with peer(service.path) as another:
        stream = another.call()
        await another.say(stream, message(b"x"), end=True)
        assert (await another.ended(stream)).messages == [b"x"]


async def test_more_data_than_the_window_allows_ends_the_connection(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call("/waits")
        await asyncio.wait_for(service.begun.wait(), PATIENCE)
        # The beginning of one large message, then another, read by nobody.
        whole = message(bytes(LARGEST_MESSAGE)) * 3
        envoy.raw = True
        frames = (
            DataFrame(stream, whole[at : at + LARGEST]) for at in range(0, len(whole), LARGEST)
        )
        envoy.send(b"".join(frame.serialize() for frame in frames))
        assert await envoy.closed() == Code.FLOW_CONTROL_ERROR


async def test_what_is_no_http2_is_hung_up_on(service: Service) -> None:
    async with peer(service.path, handshake=False) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert await client.closed() == Code.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "first", [PingFrame(0, b"12345678"), HeadersFrame(1, b"\x82"), SettingsFrame(0, flags=["ACK"])]
)
async def test_a_peer_has_to_begin_with_its_settings(service: Service, first: Frame) -> None:
    async with peer(service.path, handshake=False) as client:
        client.raw = True
        client.send(PREFACE + first.serialize())
        assert await client.closed() == Code.PROTOCOL_ERROR

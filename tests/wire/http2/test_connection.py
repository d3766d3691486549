"""One connection against `h2` as its peer, and against anything at all."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from h2.settings import SettingCodes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extauth.wire.http2.connection import Connection
from extauth.wire.http2.frame import PREFACE, FrameReader, Kind, frame
from extauth.wire.http2.frame import settings as settings_frame
from extauth.wire.http2.listener import Listener
from extauth.wire.http2.stream import CutError
from tests.wire.http2.peer import message, peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extauth.wire.http2.stream import Stream

pytestmark = pytest.mark.slow

LARGEST_MESSAGE = 200_000
SLOWLY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def echo(stream: Stream) -> None:
    """Answer each message with itself."""
    with suppress(CutError):
        while True:
            await stream.write(await stream.read())


@pytest.fixture
async def socket() -> AsyncIterator[Path]:
    """Where calls are echoed."""
    with tempfile.TemporaryDirectory(prefix="wire") as directory:
        path = Path(directory) / "socket"
        listener = Listener(path, {"/echo": echo}, largest_message=LARGEST_MESSAGE)
        await listener.start()
        yield path
        await listener.stop(0)


@SLOWLY
@given(
    window=st.integers(1, 200_000),
    largest=st.integers(1 << 14, 1 << 17),
    said=st.lists(st.lists(st.integers(0, 60_000), min_size=1, max_size=4), min_size=1, max_size=5),
)
async def test_calls_are_whole_whatever_the_peers_windows_and_frames(
    socket: Path, window: int, largest: int, said: list[list[int]]
) -> None:
    """`h2` refuses what is over its windows or frames, and so would end the connection."""
    sizes = [[min(size, window * 40) for size in sizes] for sizes in said]
    own = {SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.MAX_FRAME_SIZE: largest}
    async with peer(socket, own) as envoy:
        streams = [envoy.call() for _ in sizes]
        wanted = [[bytes([index]) * size for size in one] for index, one in enumerate(sizes)]
        for stream, messages in zip(streams, wanted, strict=True):
            await envoy.say(stream, b"".join(map(message, messages)), end=True)
        answers = [await envoy.ended(stream) for stream in streams]
    assert [answer.messages for answer in answers] == wanted
    assert {answer.status for answer in answers} == {0}


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.written += data

    def write_eof(self) -> None:
        """Nothing more comes."""

    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self.closed

    def close(self) -> None:
        """Send no more."""
        self.closed = True


def any_frame() -> st.SearchStrategy[bytes]:
    """Frames of every kind, of streams that are there and not, right and wrong."""
    head = b"\x83\x44\x05/echo"
    payloads = st.binary(max_size=20) | st.sampled_from(
        [head, bytes(8), b"\0\0\0\1", b"\x7f\xff\xff\xff", message(b"x"), message(b"y") * 3]
    )
    return st.builds(frame, st.integers(0, 11), st.integers(0, 255), st.integers(0, 9), payloads)


@SLOWLY
@given(frames=st.lists(any_frame(), max_size=12), cut=st.integers(1, 400))
async def test_no_frames_break_it(
    frames: list[bytes], cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    """They are served, or the connection is closed with a code; nothing is left of it."""
    caplog.clear()
    caplog.set_level(logging.ERROR)
    connections: set[Connection] = set()
    connection = Connection({"/echo": echo}, largest_message=100, connections=connections)
    wire = Wire()
    connection.connection_made(wire)
    sent = PREFACE + settings_frame({}) + b"".join(frames)
    for at in range(0, len(sent), cut):
        if wire.closed:
            break
        connection.data_received(sent[at : at + cut])
        await asyncio.sleep(0)
    connection.close()
    read = list(FrameReader().feed(PREFACE + bytes(wire.written)))
    goodbyes = [one for one in read if one.kind == Kind.GOAWAY]
    assert len(goodbyes) == len(caplog.records) <= 1
    connection.connection_lost(None)
    tasks = connection.tasks
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    assert connection.tasks == ()
    assert connection._streams == {}
    assert connections == set()

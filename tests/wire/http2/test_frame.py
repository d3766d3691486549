"""Frames and messages are the same however what arrives is cut."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hyperframe.frame import DataFrame, Frame
from hypothesis import given
from hypothesis import strategies as st

from extauth.wire.http2.frame import LARGEST, PREFACE, FrameReader, Kind, frame, window_update
from extauth.wire.http2.stream import Stream
from tests.wire.http2.peer import message

if TYPE_CHECKING:
    from collections.abc import Iterable


class Nobody:
    """A connection that has nowhere to send to."""

    async def send(self, stream: Stream, data: bytes) -> None:
        """Nothing is sent here."""

    def consumed(self, stream: Stream, size: int) -> None:
        """Nobody waits for room."""


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


CUTS = st.lists(st.integers(min_value=0, max_value=1 << 20), max_size=12)


@given(st.lists(st.binary(max_size=300), max_size=8), CUTS)
def test_frames_are_read_however_they_were_cut(payloads: list[bytes], cuts: list[int]) -> None:
    sent = [frame(Kind.DATA, number % 2, number, data) for number, data in enumerate(payloads)]
    reader = FrameReader()
    read = [one for piece in pieces(PREFACE + b"".join(sent), cuts) for one in reader.feed(piece)]
    assert [(one.kind, one.flags, one.stream, one.payload) for one in read] == [
        (Kind.DATA, number % 2, number, data) for number, data in enumerate(payloads)
    ]


@given(st.lists(st.binary(max_size=300), max_size=8), CUTS)
async def test_messages_are_read_however_they_were_cut(said: list[bytes], cuts: list[int]) -> None:
    stream = Stream(Nobody(), 1, allowance=1 << 20, window=0, largest=300)
    for piece in pieces(b"".join(map(message, said)), cuts):
        stream.receive(piece, end=False)
    stream.receive(b"", end=True)
    assert [await stream.read() for _ in said] == said


@given(st.binary(max_size=LARGEST), st.integers(1, (1 << 31) - 1))
def test_another_library_reads_what_is_written(payload: bytes, stream: int) -> None:
    written = memoryview(frame(Kind.DATA, 1, stream, payload))
    read, length = Frame.parse_frame_header(written[:9])
    read.parse_body(written[9 : 9 + length])
    assert isinstance(read, DataFrame)
    assert (read.stream_id, read.data, set(read.flags)) == (stream, payload, {"END_STREAM"})
    update, _ = Frame.parse_frame_header(memoryview(window_update(stream, 1))[:9])
    assert update.stream_id == stream

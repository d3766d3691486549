"""Frames and messages are the same however what arrives is cut."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hyperframe.frame import DataFrame, HeadersFrame
from hyperframe.frame import Frame as AnyFrame
from hypothesis import given
from hypothesis import strategies as st

from extauth.wire.http2.frame import (
    LARGEST,
    PREFACE,
    Frame,
    FrameReader,
    Kind,
    ProtocolError,
    Setting,
    frame,
    read_settings,
    settings,
    unpadded,
    window_update,
)
from extauth.wire.http2.stream import Stream
from tests.wire.http2.peer import message

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.slow


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
    read, length = AnyFrame.parse_frame_header(written[:9])
    read.parse_body(written[9 : 9 + length])
    assert isinstance(read, DataFrame)
    assert (read.stream_id, read.data, set(read.flags)) == (stream, payload, {"END_STREAM"})
    update, _ = AnyFrame.parse_frame_header(memoryview(window_update(stream, 1))[:9])
    assert update.stream_id == stream


@given(st.binary(max_size=600), CUTS, st.booleans())
def test_whatever_comes_is_frames_or_an_error(data: bytes, cuts: list[int], preface: bool) -> None:
    reader = FrameReader()
    with suppress(ProtocolError):
        for piece in pieces((PREFACE if preface else b"") + data, cuts):
            for one in reader.feed(piece):
                assert len(one.payload) <= LARGEST


@given(st.binary(max_size=300), st.integers(0, 255), st.booleans())
def test_padding_and_priority_are_taken_off(payload: bytes, pad: int, prioritised: bool) -> None:
    flags = ["PADDED", "PRIORITY"] if prioritised else ["PADDED"]
    sent = HeadersFrame(1, payload, pad_length=pad, flags=flags).serialize()
    (read,) = FrameReader().feed(PREFACE + sent)
    assert unpadded(read) == payload


@given(st.binary(max_size=40), st.integers(0, 255))
def test_padding_is_never_longer_than_its_frame(payload: bytes, flags: int) -> None:
    for kind in (Kind.DATA, Kind.HEADERS):
        with suppress(ProtocolError):
            assert unpadded(Frame(kind, flags, 1, payload)) in payload


@given(st.dictionaries(st.sampled_from(Setting), st.integers(0, (1 << 32) - 1)))
def test_settings_are_read_as_they_were_written(values: dict[Setting, int]) -> None:
    (read,) = FrameReader().feed(PREFACE + settings(values))
    assert dict(read_settings(read.payload)) == values

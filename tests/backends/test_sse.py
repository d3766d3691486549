"""Event streams are read as the WHATWG text says, however their bytes are cut."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.backends.sse import MAX_EVENT, EventStream
from extauth.errors import BackendError


def reference(text: bytes) -> list[bytes]:
    """The events of a whole text, as section 9.2.6 says it, with everything in memory."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    lines = re.split(rb"\r\n|\r|\n", text)
    events: list[bytes] = []
    data: list[bytes] = []
    for line in lines[:-1]:  # the last one has no end
        if not line:
            if data:
                events.append(b"\n".join(data))
            data = []
            continue
        field, colon, value = line.partition(b":")
        if colon and value.startswith(b" "):
            value = value[1:]
        if field == b"data":
            data.append(value)
    return events


def read(text: bytes, cuts: list[int]) -> list[bytes]:
    """The same, in pieces."""
    stream = EventStream()
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    return [data for begin, end in pairwise(places) for data in stream.feed(text[begin:end])]


WORDS = st.lists(
    st.sampled_from(
        [
            *(b"data", b"data:", b"data: ", b"data:  x", b"event: e", b"id: 1", b"retry: 3"),
            *(b": comment", b":", b"nonsense", b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf"),
            *(b" ", b"x", b"{}", "é\u2028".encode(), b"data: a\n\n", b"data: b\r\n\r\n", b"\0"),
        ]
    ),
    max_size=24,
)
CUTS = st.lists(st.integers(0, 120), max_size=12)


@given(WORDS, CUTS)
def test_any_cut_reads_as_the_whole_text_does(words: list[bytes], cuts: list[int]) -> None:
    text = b"".join(words)
    assert read(text, cuts) == reference(text)


@given(WORDS)
def test_byte_by_byte_is_a_cut_too(words: list[bytes]) -> None:
    text = b"".join(words)
    assert read(text, list(range(len(text)))) == reference(text)


@given(st.binary(max_size=200), CUTS)
def test_any_bytes_are_read(text: bytes, cuts: list[int]) -> None:
    assert read(text, cuts) == reference(text)


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\ndata: b\ndata\n\n", [b"a\nb\n"]),
        (b"event: delta\nid: 7\nretry: 9\ndata: a\n\n", [b"a"]),
        (b": ping\n\n: ping\n\n", []),
        (b"event: ping\n\n", []),
        (b"data\n\n", [b""]),
        (b"data: a\n", []),
        (b"data: a", []),
        (b"datax: a\n\n", []),
        (b" data: a\n\n", []),
    ],
)
def test_what_the_text_says_of_lines(text: bytes, events: list[bytes]) -> None:
    assert reference(text) == events
    assert EventStream().feed(text) == events


def test_an_event_has_begun_until_its_blank_line() -> None:
    stream = EventStream()
    assert stream.feed(b"data: a\n\ndata: b") == [b"a"]
    assert stream.partial
    assert stream.feed(b"c\n") == []
    assert stream.partial
    assert stream.feed(b"\n") == [b"bc"]
    assert not stream.partial


@pytest.mark.parametrize(
    "chunk", [b"x" * 65536, b"data: " + b"x" * 65530, b"data: x\n" * 8192, b"data:\n" * 16384]
)
def test_an_event_that_never_ends_is_the_servers_fault(chunk: bytes) -> None:
    stream = EventStream()
    chunks = MAX_EVENT // len(chunk) * 2
    fed = 0
    with suppress(BackendError):
        while fed < chunks * 4:
            stream.feed(chunk)
            fed += 1
    assert fed <= chunks


def test_comments_may_go_on_for_ever() -> None:
    stream = EventStream()
    for _ in range(2 * MAX_EVENT // 4096):
        assert stream.feed(b": keep-alive\n" * 400) == []
    assert stream.feed(b"data: a\n\n") == [b"a"]

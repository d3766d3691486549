from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.backends.sse import MAX_EVENT
from extauth.backends.triton.generated import GenerateReader
from extauth.errors import BackendError, BackendUnavailable, InvalidRequest
from extauth.types import Delta


def event(**fields: object) -> bytes:
    return b"data: " + json.dumps({"model_name": "chat", "model_version": "1", **fields}).encode()


def stream(*events: bytes) -> bytes:
    return b"".join(each + b"\n\n" for each in events)


def reader(choices: int = 1, *, streaming: bool = True, status: int = 200) -> GenerateReader:
    codec = GenerateReader(choices=choices, streaming=streaming)
    assert codec.start(status, {"content-type": "text/event-stream"}) == (
        streaming and status == 200
    )
    return codec


ANSWER = stream(
    event(text_output="hé", finish_reason="", index=0, completion_tokens=1, prompt_tokens=4),
    event(text_output=["l", "a"], finish_reason=["", ""], index=[0, 1], completion_tokens=[2, 1]),
    event(text_output="", finish_reason="stop", index=0, completion_tokens=2),
    event(text_output="b", finish_reason="length", index=1, completion_tokens=2),
)
DELTAS = [
    Delta(0, "hé", None, 1, 4),
    Delta(0, "l", None, 2, 4),
    Delta(1, "a", None, 1, 4),
    Delta(0, "", "stop", 2, 4),
    Delta(1, "b", "length", 2, 4),
]


def test_a_stream_is_deltas_in_order():
    codec = reader(2)
    assert codec.decode(ANSWER, end=True) == DELTAS
    codec.finish()


def test_every_cut_decodes_alike_byte_by_byte():
    codec = reader(2)
    found = [delta for byte in ANSWER for delta in codec.decode(bytes([byte]), end=False)]
    assert found + codec.decode(b"", end=True) == DELTAS


@given(st.lists(st.integers(0, len(ANSWER)), max_size=12))
def test_every_cut_decodes_alike(cuts):
    codec = reader(2)
    places = [0, *sorted(cuts), len(ANSWER)]
    found = []
    for begin, end in pairwise(places):
        found += codec.decode(ANSWER[begin:end], end=False)
    assert found + codec.decode(b"", end=True) == DELTAS


@given(st.binary(max_size=300))
def test_any_bytes_are_deltas_or_a_backend_error(chunk):
    codec = reader()
    with suppress(BackendError):
        codec.decode(chunk, end=False)
        codec.decode(b"", end=True)
        codec.finish()


def test_a_plain_answer_is_deltas_at_the_end():
    body = event(text_output=["a", "b"], finish_reason=["stop", "length"], index=[1, 0])[6:]
    codec = reader(2, streaming=False)
    assert codec.decode(body[:9], end=False) == []
    assert codec.decode(body[9:], end=True) == [Delta(1, "a", "stop"), Delta(0, "b", "length")]


@pytest.mark.parametrize(
    "bad",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b"data: {}\ndata: {}\n\n",
        b'data: {"text_output": "\xff"}\n\n',
        stream(event(text_output=5)),
        stream(event(text_output="a", index=2)),
        stream(event(text_output="a", index=-1)),
        stream(event(text_output="a", index=[0])),
        stream(event(text_output="a", finish_reason="tired")),
        stream(event(text_output=["a", "b"], index=[0])),
        stream(event(text_output=["a", "b"], index=0)),
        stream(event(text_output=["a", "b"], index=[0, 1], finish_reason="stop")),
        b"x" * (MAX_EVENT + 1),
    ],
)
def test_a_malformed_answer_is_the_backends_fault(bad):
    with pytest.raises(BackendError):
        reader(2).decode(bad, end=False)


def test_a_choice_says_nothing_after_its_end():
    codec = reader()
    codec.decode(stream(event(text_output="a", finish_reason="stop")), end=False)
    with pytest.raises(BackendError):
        codec.decode(stream(event(text_output="b")), end=False)


def test_what_came_ahead_of_an_error_is_not_lost():
    codec = reader()
    good = event(text_output="a", completion_tokens=1)
    assert codec.decode(stream(good, b'data: {"error":"boom"}'), end=True) == [
        Delta(0, "a", None, 1)
    ]
    with pytest.raises(BackendError):
        codec.finish()


def test_a_stream_that_is_cut_within_an_event_is_an_error():
    with pytest.raises(BackendError):
        reader().decode(b'data: {"text_', end=True)


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (200, "SECRET", BackendError),
        (500, "SECRET", BackendError),
        (400, "SECRET", BackendError),
        (400, "[request id: 7] unexpected inference input 'x' for model 'chat'", InvalidRequest),
        (400, "expected 1 inputs but got 2 inputs for model 'chat'", InvalidRequest),
        (503, "[request id: <id_unknown>] Exceeds maximum queue size", BackendUnavailable),
        (200, "[request id: <id_unknown>] Exceeds maximum queue size", BackendUnavailable),
        (404, "Request for unknown model: 'chat' is not found", BackendUnavailable),
        (400, "Request for unknown model: 'chat' version 2 is not ready", BackendUnavailable),
    ],
)
@pytest.mark.parametrize("streaming", [True, False])
def test_tritons_errors_become_ours(status, message, error, streaming):
    body = json.dumps({"error": message}).encode()
    if streaming and status == 200:
        body = b"data: " + body + b"\n\n"
    codec = reader(streaming=streaming, status=status)
    with pytest.raises(error) as raised:
        codec.decode(body, end=True)
    assert "SECRET" not in raised.value.message


def test_an_error_page_is_a_backend_error():
    with pytest.raises(BackendError):
        reader(status=502).decode(b"<html>", end=True)

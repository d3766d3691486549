"""What servers leave out, add or get wrong in a stream, as their trackers tell of it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.backends.openai.stream import StreamReader
from extauth.backends.sse import MAX_EVENT
from extauth.errors import AnsweredError, BackendError, BackendUnavailable
from extauth.types import Delta
from extauth.types.answer import WHOLE, CalledTool

EVENTS = {"content-type": "text/event-stream; charset=utf-8"}


def chunk(*choices: dict[str, Any], **fields: object) -> bytes:
    return b"data: " + json.dumps({"choices": list(choices), **fields}).encode() + b"\n\n"


def delta(index: int = 0, finish_reason: str | None = None, **said: object) -> dict[str, Any]:
    return {"index": index, "delta": said, "finish_reason": finish_reason}


def call(arguments: str | None = None, name: str | None = None, **fields: object) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"function": {k: v for k, v in function.items() if v is not None}, **fields}


def read(*chunks: bytes, choices: int = 1) -> list[Delta]:
    reader = StreamReader(choices=choices)
    assert reader.start(200, EVENTS)
    found = [one for piece in chunks for one in reader.decode(piece, end=False)]
    found += reader.decode(b"", end=True)
    reader.finish()
    return found


def called(*pieces: dict[str, Any]) -> list[CalledTool]:
    deltas = read(*(chunk(delta(tool_calls=[piece])) for piece in pieces))
    return [one for each in deltas if each.details for one in each.details.tool_calls]


def joined(calls: list[CalledTool]) -> dict[int, tuple[str | None, str]]:
    found: dict[int, tuple[str | None, str]] = {}
    for one in calls:
        name, arguments = found.get(one.index, (None, ""))
        found[one.index] = (name or one.name, arguments + one.arguments)
    return found


@pytest.mark.parametrize("last", [b"data: [DONE]\n\n", b""])
def test_done_may_be_missing(last: bytes) -> None:
    assert read(chunk(delta(content="a")), chunk(delta(finish_reason="stop")), last) == [
        Delta(0, "a"),
        Delta(0, "", "stop"),
    ]


def test_whatever_follows_done_is_not_of_the_answer() -> None:
    assert read(b"data: [DONE]\n\n", chunk(delta(content="a")), b"data: rubbish\n\n") == []


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_has_two_names(name: str) -> None:
    (found,) = read(chunk(delta(**{name: "hm", "content": None})))
    assert found.details is not None
    assert (found.text, found.details.reasoning) == ("", "hm")


def test_calls_are_told_apart_by_index() -> None:
    calls = called(
        call("", "a", index=0, id="x"),
        call("", "b", index=1, id="y"),
        call('{"p":', index=0),
        call('{"q":', index=1),
        call("1}", index=0),
        call("2}", index=1),
    )
    assert joined(calls) == {0: ("a", '{"p":1}'), 1: ("b", '{"q":2}')}
    assert [one.id for one in calls] == ["x", "y", None, None, None, None]


def test_calls_without_an_index_are_told_apart_by_id_or_name() -> None:
    calls = called(
        call("{", "a", id="x"), call("}", id="x"), call("[", "b", id="y"), call("]", id=None)
    )
    assert joined(calls) == {0: ("a", "{}"), 1: ("b", "[]")}


def test_a_call_without_an_id_gets_one() -> None:
    calls = called(call("{}", "a", index=0, id=None), call("", index=0, id=None))
    assert calls[0].id is not None
    assert calls[0].id.startswith("call_")
    assert calls[1].id is None


def test_a_name_that_is_told_again_is_told_once() -> None:
    assert [one.name for one in called(call("{", "a", index=0), call("}", "a", index=0))] == [
        "a",
        None,
    ]


def test_indices_may_begin_anywhere() -> None:
    assert joined(called(call("{}", "a", index=7), call("[]", "b", index=9))) == {
        0: ("a", "{}"),
        1: ("b", "[]"),
    }


def test_continuous_usage_ends_with_the_last() -> None:
    usage = [{"prompt_tokens": 5, "completion_tokens": n} for n in (0, 1, 2)]
    deltas = read(
        chunk(delta(content=""), usage=usage[0]),
        chunk(delta(content="a"), usage=usage[1]),
        chunk(delta(content="b", finish_reason="stop"), usage=usage[2]),
    )
    told = [one for one in deltas if one.index == WHOLE]
    assert [(one.prompt_tokens, one.completion_tokens) for one in told] == [
        (5, None),
        (5, 1),
        (5, 2),
    ]


def test_usage_tells_what_was_cached_and_thought() -> None:
    usage = {
        "prompt_tokens": 5,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }
    (told,) = read(chunk(usage=usage))
    assert told.details is not None
    assert (told.details.cached_tokens, told.details.reasoning_tokens) == (4, 7)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "SECRET", "type": "server_error"}, BackendError),
        ({"message": "SECRET", "code": 503, "type": "unavailable_error"}, BackendUnavailable),
        ({"message": "SECRET", "type": "overloaded_error"}, BackendUnavailable),
        ("SECRET", BackendError),
        (["SECRET"], BackendError),
    ],
)
def test_an_error_under_status_200_ends_the_answer(error: object, kind: type[Exception]) -> None:
    reader = StreamReader(choices=1)
    reader.start(200, EVENTS)
    text = chunk(delta(content="a")) + b"data: " + json.dumps({"error": error}).encode() + b"\n\n"
    assert reader.decode(text, end=False) == [Delta(0, "a")]
    with pytest.raises(kind) as raised:
        reader.finish()
    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize(
    "bad",
    [
        b"data: {\n\n",
        b"data: []\n\n",
        b"data: null\n\n",
        b'data: {"choices": [{"index": "0"}]}\n\n',
        b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n',
        chunk(delta(index=1, content="a")),
        chunk(delta(index=-1, content="a")),
        chunk(delta(finish_reason="tired")),
        chunk(delta(finish_reason="error")),
        chunk(delta(content=["a"])),
        chunk(delta(tool_calls=[call("{}", index=0)])),
        chunk(delta(finish_reason="stop")) + chunk(delta(content="more")),
        chunk(usage={"prompt_tokens": -1, "completion_tokens": 1}),
        *(b"x" * MAX_EVENT, b"data: " + b"x" * MAX_EVENT),
    ],
)
def test_a_malformed_stream_is_the_servers_fault(bad: bytes) -> None:
    with pytest.raises(BackendError):
        read(bad, b"x")


def test_more_calls_than_anybody_makes_are_the_servers_fault() -> None:
    with pytest.raises(BackendError):
        called(*(call("{}", "a", index=place) for place in range(200)))


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("text/html", b"<html>SECRET</html>", "something else than JSON"),
        ("application/json", b'{"choices": [{"mess', "malformed"),
        ("application/json", b"", "malformed"),
        ("application/json", b'{"choices": []}', "not by a stream"),
        ("application/json", b'{"error": {"message": "SECRET"}}', "failed"),
    ],
)
def test_an_answer_that_is_not_a_stream_says_what_it_is(kind: str, body: bytes, words: str) -> None:
    reader = StreamReader(choices=1)
    assert not reader.start(200, {"content-type": kind})
    with pytest.raises(BackendError, match=words) as raised:
        reader.decode(body, end=True)
    assert "SECRET" not in str(raised.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_deltas_or_an_error(data: bytes) -> None:
    with suppress(AnsweredError):
        read(data, b"\n\n", choices=2)
